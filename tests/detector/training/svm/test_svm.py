from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from detector.datasets.annotation import ImageAnnotation
from detector.members.file import load_member, save_member
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.regions.warp import warp_regions
from detector.training.calibration import calibrate
from detector.training.run import ProposedImages
from detector.training.svm.classifier import fit_svm, fit_with_hard_negatives, train_svms
from detector.training.svm.config import SvmConfig

CONFIG = SvmConfig(cost=0.1)


def blobs(count: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Make two overlapping clouds of ``count`` points each, (2 * count, 6), positives first."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(2 * count, 6)).astype(np.float32)
    features[:count] += 1
    return features, np.repeat([1, -1], count).astype(np.int8)


def loss(
    features: NDArray[np.float32], targets: NDArray[np.int8], config: SvmConfig,
    weight: NDArray[np.float64], bias: float,
) -> float:  # fmt: skip
    """Return what R-CNN's SVM makes least: the penalty, and the weighted hinges of all windows."""
    hinges = np.maximum(0, 1 - targets * (features @ weight + bias))
    counts = np.where(targets == 1, config.positive_weight, 1.0)
    penalty = (weight @ weight + (bias / config.bias_scale) ** 2) / 2
    return float(penalty + config.cost * (counts * hinges).sum())


def test_the_svm_makes_its_loss_least() -> None:
    features, targets = blobs(60)
    svm = fit_svm(features, targets, CONFIG)
    least = loss(features, targets, CONFIG, svm.weight, svm.bias)
    generator = np.random.default_rng(1)
    for size in (0.3, 0.1, 0.03):
        for _ in range(50):
            step = generator.normal(size=7) * size
            other = loss(features, targets, CONFIG, svm.weight + step[:6], svm.bias + step[6])
            assert other > least - 1e-3


def test_the_second_round_learns_from_the_hard_negatives_alone() -> None:
    features, targets = blobs(60)
    is_mined = (targets == -1) & (np.arange(120) % 2 == 0)
    first = fit_svm(features[~is_mined], targets[~is_mined], CONFIG)
    taken = ~is_mined | (features @ first.weight + first.bias > -1)
    assert (~taken).sum() > 0
    expected = fit_svm(features[taken], targets[taken], CONFIG)
    found = fit_with_hard_negatives(features, targets, is_mined, CONFIG)
    np.testing.assert_array_equal(found.weight, expected.weight)
    assert found.bias == expected.bias


def test_ignored_windows_teach_nothing() -> None:
    features, targets = blobs(40)
    ignored = np.arange(80) % 3 == 0
    is_mined = np.zeros(80, bool)
    found = fit_with_hard_negatives(
        features, np.where(ignored, 0, targets).astype(np.int8), is_mined, CONFIG
    )
    expected = fit_svm(features[~ignored], targets[~ignored], CONFIG)
    np.testing.assert_array_equal(found.weight, expected.weight)


@pytest.mark.parametrize("targets", [[], [1, 1], [-1, -1], [1, 0]])
def test_one_side_alone_is_refused(targets: list[int]) -> None:
    features = np.ones((len(targets), 3), np.float32)
    with pytest.raises(ValueError, match="needs positives and negatives, but got"):
        fit_svm(features, np.array(targets, np.int8), CONFIG)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    features, targets = blobs(2)
    with pytest.raises(ImportError, match=r"needs scikit-learn .* pip install -e '\.\[svm\]'"):
        fit_svm(features, targets, CONFIG)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, member: Member) -> ProposedImages:
    """Write three pictures, each with an object of one of the member's classes."""
    folder = tmp_path_factory.mktemp("pictures")
    annotations, proposals = [], []
    for number, pixels in enumerate((data.chelsea(), data.astronaut(), data.coffee())):
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        height, width = pixels.shape[:2]
        box = np.array([[40, 20, width - 60, height - 30]], np.float32)
        key = member.classes[number].key
        annotations.append(ImageAnnotation(str(number), path, (height, width), box, (key,)))
        corners = np.random.default_rng(number).integers(0, 150, (30, 4)).astype(np.float32)
        corners[:, 2:] += corners[:, :2] + 40
        proposals.append(np.minimum(corners, np.float32([width, height] * 2)))
    return ProposedImages(tuple(annotations), tuple(proposals), ())


@pytest.fixture(scope="module")
def windows(images: ProposedImages, member: Member) -> NDArray[np.uint8]:
    """Return the true box of each picture, then all proposals of the first, warped."""
    pictures = (data.chelsea(), data.astronaut(), data.coffee())
    true = [
        warp_regions(pixels, annotation.boxes_xyxy, member.warp)
        for pixels, annotation in zip(pictures, images.annotations, strict=True)
    ]
    return np.concatenate([*true, warp_regions(pictures[0], images.boxes_xyxy[0], member.warp)])


@pytest.fixture(scope="module")
def trained(member: Member, images: ProposedImages) -> Member:
    seen: list[int] = []
    starting = replace(
        member,
        detection=replace(member.detection, cascade_threshold=0.2),
        activation_ranges={"lrn1": 3.0},
    )
    found = train_svms(starting, images, SvmConfig(windows=60, cost=0.05), seen.append)
    assert seen == [1, 2, 3]
    return found


def test_svms_find_the_objects_that_they_learned(
    trained: Member, windows: NDArray[np.uint8]
) -> None:
    scores = TorchMember.of(trained).probabilities(windows)
    assert scores.shape == (33, 4)
    for picture in range(3):
        others = [other for other in range(3) if other != picture]
        assert (scores[picture, picture + 1] > scores[others, picture + 1]).all()
    torch.testing.assert_close(scores[:, 0], 1 - scores[:, 1:].amax(dim=1))


def test_all_but_the_classifier_stays(trained: Member, member: Member) -> None:
    assert trained.classifier == "svm"
    assert trained.classes == member.classes
    assert trained.activation_ranges == {"lrn1": 3.0}
    assert trained.detection == replace(member.detection, cascade_threshold=0.0)
    noted = trained.provenance["svm"]
    assert noted["positives"] == [1, 1, 1]
    assert trained.provenance["seed"] == member.provenance["seed"]
    assert member.classifier == "softmax"
    for name, tensor in member.tensors.items():
        same = np.array_equal(tensor, trained.tensors[name])
        assert same == (not name.startswith("classifier")), name


def test_calibration_gives_the_same_ranges_as_before(
    trained: Member, member: Member, windows: NDArray[np.uint8]
) -> None:
    assert calibrate(trained, [windows[:8]]) == calibrate(member, [windows[:8]])


def test_features_are_scaled_to_the_norm_and_the_scale_is_folded_in(
    trained: Member, windows: NDArray[np.uint8], images: ProposedImages, member: Member
) -> None:
    # The same windows at half the norm, and the cost and bias that go with it, are the same SVMs.
    half = SvmConfig(windows=60, cost=0.2, feature_norm=10.0, bias_scale=5.0)
    again = train_svms(member, images, half, lambda _: None)
    torch.testing.assert_close(
        TorchMember.of(again).probabilities(windows),
        TorchMember.of(trained).probabilities(windows),
        rtol=0,
        atol=1e-4,
    )
    scale = trained.provenance["svm"]["feature_scale"]
    assert again.provenance["svm"]["feature_scale"] == pytest.approx(scale / 2)


def test_a_file_holds_svms_in_half_precision_well_enough(
    trained: Member, windows: NDArray[np.uint8], tmp_path: Path
) -> None:
    save_member(tmp_path / "m.safetensors", trained)
    loaded = load_member(tmp_path / "m.safetensors")
    assert loaded.to_document() == trained.to_document()
    with torch.inference_mode():
        networks = [TorchMember.of(one) for one in (trained, loaded)]
        features = networks[0].network.trunk(networks[0].stem_grids(windows))
        margins, kept = (one.network.classifier(features) for one in networks)
    torch.testing.assert_close(kept, margins, rtol=0, atol=0.01)


@pytest.mark.parametrize("change", ["no images", "a class without objects"])
def test_data_that_cannot_teach_are_refused(
    member: Member, images: ProposedImages, change: str
) -> None:
    kept = 0 if change == "no images" else 2
    fewer = ProposedImages(images.annotations[:kept], images.boxes_xyxy[:kept], ())
    ignore: Callable[[int], None] = lambda _: None  # noqa: E731
    with pytest.raises(ValueError, match="have no object in these photographs"):
        train_svms(member, fewer, CONFIG, ignore)
