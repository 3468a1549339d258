from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backbones import GoogLeNet
from detector.classes import select_classes
from detector.config import Execution
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.regions.warp_config import WarpConfig

FLOAT32 = Execution(device="cpu", precision="float32")


@pytest.fixture
def torch_member(member: Member) -> TorchMember:
    return TorchMember.of(member)


def random_windows(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), np.uint8)


def test_no_windows_give_no_scores(torch_member: TorchMember) -> None:
    assert torch_member.probabilities(random_windows(0)).shape == (0, 4)


def test_scores_are_the_softmax_of_the_whole_network_on_centred_windows(
    torch_member: TorchMember,
) -> None:
    windows = random_windows(3)
    mean = torch.tensor([123.0, 117.0, 104.0])
    inputs = (torch.as_tensor(windows).float() - mean).permute(0, 3, 1, 2)
    expected = torch.softmax(torch_member.network(inputs), dim=1)
    scores = torch_member.probabilities(windows)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(3))


def test_scores_of_svms_are_the_logistic_function_of_their_margins(
    torch_member: TorchMember,
) -> None:
    windows = random_windows(3)
    features = torch_member.network.trunk(torch_member.stem_grids(windows).clone())
    margins = torch_member.network.classifier(features)[:, 1:]
    expected = 1 / (1 + torch.exp(-margins))
    scores = replace(torch_member, classifier="svm").probabilities(windows)
    assert scores.shape == (3, 4)
    torch.testing.assert_close(scores[:, 1:], expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(scores[:, 0], 1 - expected.max(dim=1).values, rtol=1e-3, atol=1e-4)
    assert replace(torch_member, classifier="svm").probabilities(random_windows(0)).shape == (0, 4)


def test_an_unknown_classifier_is_refused(torch_member: TorchMember) -> None:
    with pytest.raises(ValueError, match="must be one of softmax, svm but got 'tree'"):
        replace(torch_member, classifier="tree")


def test_a_window_scores_the_same_alone_and_in_a_batch(torch_member: TorchMember) -> None:
    windows = random_windows(5)
    alone = torch.cat([torch_member.probabilities(windows[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(torch_member.probabilities(windows), alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "windows",
    [
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((2, 3, 64, 64), np.uint8),
        np.zeros((2, 32, 32, 3), np.uint8),
        np.zeros((2, 64, 64, 3), np.float32),
    ],
)
def test_windows_of_another_shape_or_type_are_refused(
    torch_member: TorchMember, windows: NDArray[np.uint8]
) -> None:
    with pytest.raises(ValueError, match=r"windows must be \(R, 64, 64, 3\) uint8 but got"):
        torch_member.probabilities(windows)


def test_prepared_copy_leaves_the_original_as_it_was(torch_member: TorchMember) -> None:
    training = replace(torch_member, network=torch_member.network.train())
    prepared = training.prepared(Execution(device="cpu", precision="bfloat16"))
    assert training.network.training
    assert training.network.conv1.weight.dtype == torch.float32
    assert training.network.conv1.weight.requires_grad
    assert not prepared.network.training
    assert prepared.network.conv1.weight.dtype == torch.bfloat16
    assert prepared.network.classifier.weight.dtype == torch.float32


def test_bfloat16_scores_are_close_to_float32(torch_member: TorchMember) -> None:
    windows = random_windows(4)
    exact = torch_member.prepared(FLOAT32).probabilities(windows)
    rounded = torch_member.prepared(replace(FLOAT32, precision="bfloat16")).probabilities(windows)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ()}, "at least one class"),
        ({"classes": select_classes(["dog"])}, r"must have 2 outputs .* but got 4"),
        (
            {"warp": WarpConfig(size=32, context_padding=2)},
            "must be the network's input size 64 but got 32",
        ),
        ({"warp": WarpConfig(size=64, outside_rgb=(0, 0, 0))}, "must be the mean colour"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    torch_member: TorchMember, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(torch_member, **change)  # type: ignore[arg-type]


def test_arrays_go_into_a_network_and_come_back(member: Member) -> None:
    network = TorchMember.of(member)
    assert not network.network.training
    again = network.to_member()
    assert again.to_document() == member.to_document()
    assert again.tensors.keys() == member.tensors.keys()
    for name, tensor in member.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], tensor)


def test_arrays_are_copies(member: Member) -> None:
    network = TorchMember.of(member)
    with torch.no_grad():
        network.network.conv1.bias += 1
    assert not np.array_equal(
        network.to_member().tensors["conv1.bias"], member.tensors["conv1.bias"]
    )


def test_auxiliary_heads_are_left_out_and_channels_last_weights_come_in_order(
    member: Member,
) -> None:
    network = GoogLeNet(4, auxiliary_heads=True).to(memory_format=torch.channels_last)
    found = replace(TorchMember.of(member), network=network).to_member()
    assert found.tensors.keys() == member.tensors.keys()
    np.testing.assert_array_equal(found.tensors["conv2.weight"], network.conv2.weight.detach())
