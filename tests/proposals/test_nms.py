from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from proposals.nms import non_maximum_suppression

# Corners on a coarse grid: many boxes coincide, touch or contain each other.
BOXES = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 8), st.integers(1, 8)),
    max_size=30,
).map(lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32))
# No two boxes of the grid have one of these IoUs, so float rounding decides nothing.
THRESHOLDS = st.sampled_from([0.0, 0.3003, 0.5003, 0.7003, 1.0])


def slow_nms(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], threshold: float
) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(slow_iou(boxes[index], boxes[other]) <= threshold for other in kept):
            kept.append(index)
    return kept


def slow_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    width = max(0.0, float(min(a[2], b[2]) - max(a[0], b[0])))
    height = max(0.0, float(min(a[3], b[3]) - max(a[1], b[1])))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / float(union)


def test_no_boxes_keep_nothing() -> None:
    kept = non_maximum_suppression(np.empty((0, 4), np.float32), np.empty(0, np.float32), 0.3)
    assert kept.shape == (0,)
    assert kept.dtype == np.int64


@settings(deadline=None, max_examples=100)
@given(boxes=BOXES, threshold=THRESHOLDS, seed=st.integers(0, 99))
def test_kept_boxes_equal_the_slow_rules_with_tied_scores(
    boxes: NDArray[np.float32], threshold: float, seed: int
) -> None:
    boxes = boxes.reshape(-1, 4)
    scores = np.random.default_rng(seed).integers(0, 4, len(boxes)).astype(np.float32)
    kept = non_maximum_suppression(boxes, scores, threshold)
    assert kept.tolist() == slow_nms(boxes, scores, threshold)


@settings(deadline=None, max_examples=100)
@given(boxes=BOXES, threshold=THRESHOLDS, seed=st.integers(0, 99))
def test_kept_boxes_equal_torchvisions(
    boxes: NDArray[np.float32], threshold: float, seed: int
) -> None:
    boxes = boxes.reshape(-1, 4)
    scores = np.random.default_rng(seed).permutation(len(boxes)).astype(np.float32)
    expected = torchvision.ops.nms(torch.as_tensor(boxes), torch.as_tensor(scores), threshold)
    assert non_maximum_suppression(boxes, scores, threshold).tolist() == expected.tolist()


@settings(deadline=None, max_examples=50)
@given(boxes=BOXES, threshold=THRESHOLDS, seed=st.integers(0, 99))
def test_suppression_class_by_class_equals_torchvisions_batched(
    boxes: NDArray[np.float32], threshold: float, seed: int
) -> None:
    boxes = boxes.reshape(-1, 4)
    generator = np.random.default_rng(seed)
    scores = generator.permutation(len(boxes)).astype(np.float32)
    labels = generator.integers(0, 3, len(boxes))
    kept: list[int] = []
    for label in range(3):
        members = np.flatnonzero(labels == label)
        kept += members[
            non_maximum_suppression(boxes[members], scores[members], threshold)
        ].tolist()
    expected = torchvision.ops.batched_nms(
        torch.as_tensor(boxes), torch.as_tensor(scores), torch.as_tensor(labels), threshold
    )
    assert sorted(kept, key=lambda index: -scores[index]) == expected.tolist()


def test_an_overlap_of_exactly_the_threshold_is_kept() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 5, 10]], np.float32)
    assert non_maximum_suppression(boxes, np.array([2, 1], np.float32), 0.5).tolist() == [0, 1]


def test_boxes_without_area_suppress_nothing() -> None:
    boxes = np.array([[3, 3, 3, 3], [3, 3, 3, 3], [0, 0, 9, 9]], np.float32)
    kept = non_maximum_suppression(boxes, np.array([3, 2, 1], np.float32), 0.3)
    assert kept.tolist() == [0, 1, 2]


@pytest.mark.parametrize("scores", [[1.0], [1.0, 2.0, 3.0], [1.0, float("nan")]])
def test_scores_that_do_not_fit_are_refused(scores: list[float]) -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    with pytest.raises(ValueError, match=r"scores must be \(2,\) finite numbers"):
        non_maximum_suppression(boxes, np.array(scores, np.float32), 0.3)
