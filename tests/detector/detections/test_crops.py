from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.classes import ObjectClass, select_classes
from detector.detections.crops import crop_name, cut_out
from detector.detections.results import Detections

CLASSES = (*select_classes(["domestic cat"]), ObjectClass(7, "", "../a b" + "c" * 300))


def found(boxes: list[tuple[float, ...]], size: tuple[int, int]) -> Detections:
    return Detections(
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.linspace(1, 0.123, len(boxes), dtype=np.float32),
        labels=np.arange(len(boxes)) % 2,
        classes=CLASSES,
        image_size=size,
    )


def test_nothing_found_is_nothing_cut_out() -> None:
    assert list(cut_out(np.zeros((3, 4, 3), np.uint8), found([], (3, 4)))) == []


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((0, 0, 4, 3), (0, 3), (0, 4)),
        ((1, 1, 2, 2), (1, 2), (1, 2)),
        ((0.9, 1.1, 2.1, 2.9), (1, 3), (0, 3)),
        ((2.2, 1.5, 2.2, 1.5), (1, 2), (2, 3)),  # no area
        ((4, 3, 4, 3), (2, 3), (3, 4)),  # and at the corner
        ((1, 1, 1, 2), (1, 2), (1, 2)),
    ],
)
def test_a_crop_is_all_pixels_that_the_box_touches(
    box: tuple[float, ...], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    image = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    (crop,) = cut_out(image, found([box], (3, 4)))
    np.testing.assert_array_equal(crop, image[slice(*rows), slice(*columns)])


@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    corners=st.tuples(*[st.floats(0, 1, width=32)] * 4),
)
def test_any_box_gives_a_crop_with_pixels(
    size: tuple[int, int], corners: tuple[float, ...]
) -> None:
    x1, x2 = sorted(np.float32(one * size[1]) for one in corners[:2])
    y1, y2 = sorted(np.float32(one * size[0]) for one in corners[2:])
    (crop,) = cut_out(np.zeros((*size, 3), np.uint8), found([(x1, y1, x2, y2)], size))
    assert max(1, y2 - y1) <= crop.shape[0] < y2 - y1 + 2
    assert max(1, x2 - x1) <= crop.shape[1] < x2 - x1 + 2


def test_a_name_tells_image_number_class_and_score_and_leads_nowhere_else() -> None:
    detections = found([(0, 0, 4, 3), (0, 0, 1, 1)], (3, 4))
    assert crop_name("street", detections, 0) == "street-0001-domestic_cat-1.00"
    assert crop_name("street", detections, 1) == f"street-0002-___a_b{'c' * 24}-0.12"


def test_names_sort_by_image_and_number() -> None:
    detections = found([(0, 0, 4, 3)] * 1200, (3, 4))
    names = [crop_name(one, detections, place) for one in ("a", "b") for place in range(1200)]
    assert names == sorted(names)
    assert len(set(names)) == len(names)
