from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.config import DetectorConfig
from detector.regions.admit import admit_regions


def admit(boxes: list[list[float]], **settings: float) -> list[list[float]]:
    array: NDArray[np.float32] = np.array(boxes, np.float32).reshape(-1, 4)
    return admit_regions(array, (60, 80), DetectorConfig(**settings)).tolist()


@pytest.mark.parametrize("boxes", [[], [[3, 3, 3, 9]], [[-5, -5, 0, 9]], [[80, 0, 90, 9]]])
def test_regions_without_area_in_the_image_are_left_out(boxes: list[list[float]]) -> None:
    assert admit(boxes) == []


def test_regions_are_clipped_and_keep_their_order_up_to_the_limit() -> None:
    boxes = [[-5, -5, 0, 9], [-5, -5, 9, 9], [3, 3, 3, 9], [50, 40, 99, 99], [1, 2, 3, 4]]
    assert admit(boxes, max_proposals=2) == [[0, 0, 9, 9], [50, 40, 80, 60]]


def test_of_near_duplicates_the_first_is_kept_and_counts_towards_the_limit_once() -> None:
    boxes = [[0, 0, 40, 40], [0, 0, 40, 39.5], [20, 0, 60, 40], [0, 0, 40, 40], [5, 5, 9, 9]]
    assert admit(boxes, max_proposals=3) == [boxes[0], boxes[2], boxes[4]]


def test_with_a_threshold_of_1_near_duplicates_stay() -> None:
    boxes = [[0, 0, 40, 40], [0, 0, 40, 39.5]]
    assert admit(boxes, duplicate_iou=1.0) == boxes
