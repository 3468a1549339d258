from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from backbones import GoogLeNet, WeightsError
from backbones.training.config import OptimizationConfig
from backbones.weights.bvlc import caffe_name
from detector.classes import select_classes
from detector.members.file import save_member
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.training.config import TrainingConfig
from detector.training.frozen import freeze, frozen_part, trained_part
from detector.training.start import digest, network_of_imagenet, network_of_member

OPTIMIZATION = OptimizationConfig(
    steps=1, learning_rate=0.1, drop_every=1, drop_factor=1.0, precision="float32"
)
CONFIG = TrainingConfig(OPTIMIZATION)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = GoogLeNet(1000).state_dict()
    path = tmp_path_factory.mktemp("weights") / "imagenet.safetensors"
    save_file({caffe_name(name): tensor for name, tensor in state.items()}, path)
    return path


@pytest.fixture
def member_path(member: Member, tmp_path: Path) -> Path:
    path = tmp_path / "member.safetensors"
    save_member(path, member)
    return path


def test_imagenet_weights_get_a_fresh_small_classifier(imagenet: Path) -> None:
    network = network_of_imagenet(imagenet, select_classes(["dog", "car"]), CONFIG)
    assert network.classifier.weight.shape == (3, 1024)
    assert 0.009 < network.classifier.weight.std() < 0.011
    again = network_of_imagenet(imagenet, select_classes(["dog", "car"]), CONFIG)
    assert digest(network) == digest(again)


def test_svms_are_no_start_for_a_softmax(member: Member, tmp_path: Path) -> None:
    path = tmp_path / "svm.safetensors"
    save_member(path, replace(member, classifier="svm"))
    network = network_of_member(path, member.classes, CONFIG)
    assert 0.009 < network.classifier.weight.std() < 0.011
    assert not network.classifier.bias.any()
    np.testing.assert_array_equal(
        network.conv2.weight.detach(), member.tensors["conv2.weight"].astype(np.float16)
    )


def test_a_member_keeps_what_it_knows_of_the_classes(member: Member, member_path: Path) -> None:
    network = network_of_member(member_path, select_classes(["dog", "car", "person"]), CONFIG)
    known = [c.name for c in member.classes]
    old, new = TorchMember.of(member).network.classifier, network.classifier
    # car comes first by det_id among those that were not known
    asked = [c.name for c in select_classes(["dog", "car", "person"])]
    for output, name in enumerate(asked, start=1):
        if name in known:
            row = known.index(name) + 1
            torch.testing.assert_close(new.weight[output], old.weight[row].half().float())
        else:
            assert new.weight[output].abs().max() < 0.1
    torch.testing.assert_close(new.bias[0], old.bias[0].half().float())


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        network_of_member(tmp_path / "none.safetensors", select_classes(["dog"]), CONFIG)


@pytest.mark.parametrize("auxiliary_weight", [0.0, 0.3])
@pytest.mark.parametrize("part", ["nothing", "stem", "features"])
def test_the_two_parts_make_up_the_network(
    part: str, auxiliary_weight: float, member: Member
) -> None:
    config = TrainingConfig(OPTIMIZATION, freeze=part)
    network = GoogLeNet(4, auxiliary_heads=auxiliary_weight > 0).eval()
    statistics = member.statistics
    if auxiliary_weight:  # the heads take pictures of 224 only
        statistics = type(statistics)()
    freeze(network, config)
    windows = torch.randint(0, 256, (2, statistics.size, statistics.size, 3), dtype=torch.uint8)
    inner = frozen_part(network, statistics, config)(windows)
    assert not inner.requires_grad
    found = trained_part(network, config)(inner)
    logits = found[0] if isinstance(found, tuple) else found
    torch.testing.assert_close(logits, network(statistics.normalise(windows)))
    assert isinstance(found, tuple) == (auxiliary_weight > 0 and part != "features")


@pytest.mark.parametrize(
    ("part", "moving"), [("nothing", "conv1.bias"), ("stem", "inception_4a"), ("features", "clas")]
)
def test_what_is_frozen_takes_no_gradient(part: str, moving: str) -> None:
    network = GoogLeNet(2)
    freeze(network, TrainingConfig(OPTIMIZATION, freeze=part))
    trained = {name for name, p in network.named_parameters() if p.requires_grad}
    assert any(name.startswith(moving) for name in trained)
    if part != "nothing":
        assert not any(name.startswith(("conv", "inception_3")) for name in trained)
    if part == "features":
        assert trained == {"classifier.weight", "classifier.bias"}


def test_a_digest_tells_weights_apart(make_member: Callable[[int], Member]) -> None:
    first, second = (TorchMember.of(make_member(seed)).network for seed in (0, 1))
    assert digest(first) != digest(second)
    assert digest(first) == digest(TorchMember.of(make_member(0)).network)
    before = digest(first, frozen_only=True)
    assert before != digest(first)


def test_a_network_and_its_file_have_one_digest(member: Member, tmp_path: Path) -> None:
    trained = TorchMember.of(member)
    with torch.no_grad():
        for weight in trained.network.parameters():
            weight.mul_(1 + 1e-5)  # which float16 rounds away
    path = tmp_path / "member.safetensors"
    save_member(path, trained.to_member())
    stored = network_of_member(path, member.classes, CONFIG)
    assert not torch.equal(stored.conv1.weight, trained.network.conv1.weight)
    assert digest(stored) == digest(trained.network)


@pytest.mark.parametrize(
    "settings",
    [
        {"freeze": "head"},
        {"pool_windows": 5},
        {"pool_windows": 0, "freeze": "stem"},
        {"calibration_regions": 0},
        {"pool_windows": 5, "freeze": "stem", "distort_colours": True},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"freeze|pool_windows|calibration_regions"):
        TrainingConfig(OPTIMIZATION, **settings)  # type: ignore[arg-type]
