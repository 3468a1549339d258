from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from proposals.evaluation.coverage import (
    SIZES,
    ClassOverlap,
    Overlaps,
    average_best_overlaps,
    covered,
    of_size,
    recall,
    recall_shares,
)

NONE: list[list[int]] = []
overlap_lists = st.lists(st.integers(0, 20).map(lambda n: np.float32(n / 20)), max_size=12).map(
    lambda values: np.array(values, np.float32)
)


@pytest.mark.parametrize(
    ("boxes", "true_boxes", "expected"),
    [
        (NONE, NONE, []),
        (NONE, [[0, 0, 9, 9]], [False]),
        ([[0, 0, 9, 9]], NONE, []),
        ([[0, 0, 10, 5]], [[0, 0, 10, 10], [0, 0, 10, 11]], [True, False]),
        ([[0, 0, 10, 10]], [[0, 0, 10, 9], [0, 1, 10, 10], [20, 20, 30, 30]], [True, True, False]),
    ],
)
def test_objects_count_that_some_proposal_overlaps_by_half(
    boxes: list[list[int]], true_boxes: list[list[int]], expected: list[bool]
) -> None:
    assert covered(as_boxes(boxes), as_boxes(true_boxes)).tolist() == expected


def as_boxes(rows: list[list[int]]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_a_threshold_is_met_by_just_as_much() -> None:
    object_box, seven_tenths = as_boxes([[0, 0, 10, 1]]), as_boxes([[0, 0, 7, 1]])
    assert covered(seven_tenths, object_box, 0.7).tolist() == [True]
    assert recall(np.array([7 / 10], np.float32), [0.7]).tolist() == [1]


def test_without_objects_recall_is_not_a_number() -> None:
    none = np.zeros(0, np.float32)
    assert np.isnan(recall(none, [0.5, 0.7])).tolist() == [True, True]
    assert recall_shares(none).tolist() == []
    assert average_best_overlaps(none, np.zeros(0, np.str_)) == {}


@given(overlap_lists.filter(len))
def test_recall_counts_the_objects_at_or_above_a_threshold(overlaps: NDArray[np.float32]) -> None:
    for threshold in (0.0, 0.5, 0.55, 0.7, 1.0):
        share = sum(iou >= np.float32(threshold) for iou in overlaps) / len(overlaps)
        assert recall(overlaps, [threshold])[0] == pytest.approx(share)


@given(overlap_lists.filter(len))
def test_average_recall_is_twice_the_area_below_recall(overlaps: NDArray[np.float32]) -> None:
    middles = 0.5 + (np.arange(5000) + 0.5) / 10_000  # of thin slices of half the unit
    area = recall(overlaps, middles).mean() / 2
    assert recall_shares(overlaps).mean() == pytest.approx(2 * area, abs=3e-4)


def test_average_best_overlap_of_each_class() -> None:
    overlaps = np.array([0.5, 1.0, 0.25, 0.0], np.float32)
    names = np.array(["dog", "dog", "car", "bus"])
    assert average_best_overlaps(overlaps, names) == {
        "bus": ClassOverlap(1, 0.0),
        "car": ClassOverlap(1, 0.25),
        "dog": ClassOverlap(2, 0.75),
    }


@pytest.mark.parametrize(
    ("area", "size"),
    [
        (0, "small"),
        (1023.9, "small"),
        (1024, "medium"),
        (9215.9, "medium"),
        (9216, "large"),
        (1e9, "large"),
    ],
)
def test_every_area_is_of_one_size(area: float, size: str) -> None:
    areas = np.array([area], np.float32)
    assert [name for name in SIZES if of_size(areas, name)[0]] == [size]


class TestQuality:
    """Two objects of two classes, side by side; the first box covers most of both."""

    truth = as_boxes([[0, 0, 10, 10], [0, 0, 10, 8]])
    boxes = as_boxes([[0, 0, 10, 9], [0, 0, 10, 6]])
    names = np.array(["car", "dog"])

    def test_of_all_boxes(self) -> None:
        quality = Overlaps.of_image(self.boxes, self.truth).quality(self.names)
        assert quality.objects == 2
        assert (quality.any.at_50, quality.any.at_70) == (1, 1)
        assert quality.mabo == pytest.approx((0.9 + 8 / 9) / 2)
        assert quality.any.average == pytest.approx((0.8 + 7 / 9) / 2)
        # The first box goes to the car, at 0.9 the highest; the second to the dog, at 0.75.
        assert quality.one_to_one.at_70 == 1
        assert quality.one_to_one.average == pytest.approx((0.8 + 0.5) / 2)

    def test_of_the_first_box(self) -> None:
        quality = Overlaps.of_image(self.boxes, self.truth).quality(self.names, 1)
        assert quality.any.at_50 == 1
        assert quality.one_to_one.at_50 == 0.5
        assert quality.one_to_one.average == pytest.approx(0.8 / 2)

    def test_of_chosen_objects(self) -> None:
        overlaps = Overlaps.of_image(self.boxes, self.truth)
        quality = overlaps.quality(self.names, where=np.array([False, True]))
        # Matched beside the car, though only the dog counts.
        assert (quality.objects, quality.mabo) == (1, pytest.approx(8 / 9))
        assert quality.one_to_one.average == pytest.approx(0.5)

    @pytest.mark.parametrize("count", [0, None])
    def test_of_no_objects(self, count: int | None) -> None:
        quality = Overlaps.of_image(self.boxes, self.truth[:0]).quality(self.names[:0], count)
        assert quality.objects == 0
        assert all(map(math.isnan, (quality.mabo, quality.any.at_50, quality.one_to_one.average)))

    def test_of_no_boxes(self) -> None:
        quality = Overlaps.of_image(self.boxes[:0], self.truth).quality(self.names)
        assert (quality.any.at_50, quality.one_to_one.average, quality.mabo) == (0, 0, 0)
