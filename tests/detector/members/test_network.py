from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from detector.classes import select_classes
from detector.config import Execution
from detector.members.network import Member
from detector.regions.warp import WarpConfig

FLOAT32 = Execution(device="cpu", precision="float32")


def random_windows(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), np.uint8)


def test_no_windows_give_no_scores(member: Member) -> None:
    assert member.probabilities(random_windows(0)).shape == (0, 4)


def test_scores_are_the_softmax_of_the_whole_network_on_centred_windows(member: Member) -> None:
    windows = random_windows(3)
    mean = torch.tensor([123.0, 117.0, 104.0])
    inputs = (torch.as_tensor(windows).float() - mean).permute(0, 3, 1, 2)
    expected = torch.softmax(member.network(inputs), dim=1)
    scores = member.probabilities(windows)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(3))


def test_scores_of_svms_are_the_logistic_function_of_their_margins(member: Member) -> None:
    windows = random_windows(3)
    features = member.network.trunk(member.stem_grids(windows).clone())
    margins = member.network.classifier(features)[:, 1:]
    expected = 1 / (1 + torch.exp(-margins))
    scores = replace(member, classifier="svm").probabilities(windows)
    assert scores.shape == (3, 4)
    torch.testing.assert_close(scores[:, 1:], expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(scores[:, 0], 1 - expected.max(dim=1).values, rtol=1e-3, atol=1e-4)
    assert replace(member, classifier="svm").probabilities(random_windows(0)).shape == (0, 4)


def test_an_unknown_classifier_is_refused(member: Member) -> None:
    with pytest.raises(ValueError, match="must be one of softmax, svm but got 'tree'"):
        replace(member, classifier="tree")


def test_a_window_scores_the_same_alone_and_in_a_batch(member: Member) -> None:
    windows = random_windows(5)
    alone = torch.cat([member.probabilities(windows[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(member.probabilities(windows), alone, rtol=1e-3, atol=1e-4)


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
    member: Member, windows: NDArray[np.uint8]
) -> None:
    with pytest.raises(ValueError, match=r"windows must be \(R, 64, 64, 3\) uint8 but got"):
        member.probabilities(windows)


def test_prepared_copy_leaves_the_original_as_it_was(member: Member) -> None:
    training = replace(member, network=member.network.train())
    prepared = training.prepared(Execution(device="cpu", precision="bfloat16"))
    assert training.network.training
    assert training.network.conv1.weight.dtype == torch.float32
    assert training.network.conv1.weight.requires_grad
    assert not prepared.network.training
    assert prepared.network.conv1.weight.dtype == torch.bfloat16
    assert prepared.network.classifier.weight.dtype == torch.float32
    member.network.eval()


def test_bfloat16_scores_are_close_to_float32(member: Member) -> None:
    windows = random_windows(4)
    exact = member.prepared(FLOAT32).probabilities(windows)
    rounded = member.prepared(replace(FLOAT32, precision="bfloat16")).probabilities(windows)
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
    member: Member, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(member, **change)  # type: ignore[arg-type]
