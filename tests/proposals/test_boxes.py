from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from proposals.boxes import box_areas, boxes_inside, check_boxes, clip_boxes, pairwise_iou

NONE = np.zeros((0, 4), np.float32)


@st.composite
def box_sets(draw: st.DrawFn) -> NDArray[np.float32]:
    corners = draw(st.lists(st.tuples(*[st.integers(0, 30)] * 4), max_size=6))
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    return np.array(boxes, np.float32).reshape(-1, 4)


def iou_by_counting_pixels(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    covers = np.zeros((2, 30, 30), bool)
    for cover, box in zip(covers, (a, b), strict=True):
        x1, y1, x2, y2 = box.astype(int)
        cover[y1:y2, x1:x2] = True
    union = (covers[0] | covers[1]).sum()
    return float((covers[0] & covers[1]).sum() / union) if union else 0.0


@given(box_sets(), box_sets())
def test_iou_equals_counting_pixels(a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
    expected = [[iou_by_counting_pixels(box_a, box_b) for box_b in b] for box_a in a]
    found = pairwise_iou(a, b)
    assert found.shape == (len(a), len(b))
    np.testing.assert_allclose(found, np.array(expected).reshape(len(a), len(b)), atol=1e-6)


@given(box_sets())
def test_iou_is_symmetric_and_one_with_itself(boxes: NDArray[np.float32]) -> None:
    ious = pairwise_iou(boxes, boxes)
    np.testing.assert_array_equal(ious, ious.T)
    np.testing.assert_array_equal(np.diag(ious), (box_areas(boxes) > 0).astype(np.float32))


@pytest.mark.parametrize(
    ("boxes", "areas"),
    [(NONE, []), ([[3, 3, 3, 9]], [0]), ([[0, 0, 5, 4], [1, 1, 2, 2]], [20, 1])],
)
def test_areas(boxes: list[list[int]], areas: list[int]) -> None:
    assert box_areas(np.array(boxes, np.float32)).tolist() == areas


@pytest.mark.parametrize(
    ("boxes", "clipped"),
    [
        (NONE, []),
        ([[-5, -5, -1, -1]], [[0, 0, 0, 0]]),
        ([[-5, 2, 50, 60]], [[0, 2, 40, 30]]),
        ([[1, 2, 3, 4]], [[1, 2, 3, 4]]),
    ],
)
def test_clipping_keeps_boxes_within_the_image(
    boxes: list[list[int]], clipped: list[list[int]]
) -> None:
    found = clip_boxes(np.array(boxes, np.float32).reshape(-1, 4), (30, 40))
    assert found.tolist() == clipped


@pytest.mark.parametrize(
    ("boxes", "inside"),
    [
        ([], []),
        ([[-5, 0, 5, 10], [3, 3, 3, 9], [3, 3, 9, 3]], [[0, 0, 5, 10]]),  # two without area
        ([[50, 50, 60, 60], [40, 0, 45, 30]], []),  # outside, and beside the right edge
    ],
)
def test_boxes_of_no_area_inside_the_image_are_left_out(
    boxes: list[list[int]], inside: list[list[int]]
) -> None:
    found = boxes_inside(np.array(boxes, np.float32).reshape(-1, 4), (30, 40))
    assert found.shape == (len(inside), 4)
    assert found.tolist() == inside


def test_no_boxes_in_any_form_are_an_empty_array() -> None:
    for none in ([], np.zeros((0, 4)), np.zeros(0)):
        assert check_boxes(none, "test").shape == (0, 4)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([1, 2, 3, 4], r"test: boxes must be of shape \(N, 4\), but got \(4,\)"),
        ([[0, 0, 1, 1], [0, 0, np.nan, 1]], "test: boxes must be finite, but box 1 is not"),
        ([[5, 0, 1, 1]], r"x1 <= x2 and y1 <= y2, but box 0 is \[5"),
    ],
)
def test_malformed_boxes_are_refused(boxes: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_boxes(boxes, "test")
