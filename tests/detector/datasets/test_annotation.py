from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.datasets import ImageAnnotation
from detector.datasets.annotation import digest_of

DOG = "n02084071"


def annotation(
    boxes: object, class_keys: tuple[str, ...], size: tuple[int, int] = (40, 60)
) -> object:
    return ImageAnnotation("a", Path("a.JPEG"), size, boxes, class_keys)  # type: ignore[arg-type]


def test_an_image_without_objects_has_boxes_of_shape_0_4() -> None:
    empty = ImageAnnotation("a", Path("a.JPEG"), (40, 60), np.zeros((0, 4), np.float32), ())
    assert empty.boxes_xyxy.shape == (0, 4)
    assert len(empty) == 0


def test_the_boxes_are_a_read_only_copy() -> None:
    boxes = np.array([[0, 0, 60, 40]], np.float32)
    held = ImageAnnotation("a", Path("a.JPEG"), (40, 60), boxes, (DOG,))
    boxes[:] = 1
    assert held.boxes_xyxy.tolist() == [[0, 0, 60, 40]]
    assert not held.boxes_xyxy.flags.writeable


@pytest.mark.parametrize(
    ("boxes", "class_keys", "size", "message"),
    [
        ([], (DOG,), (40, 60), "0 boxes, but 1 class_keys"),
        ([[6, 0, 1, 4]], (DOG,), (40, 60), "x1 <= x2"),
        ([[0, 0, np.nan, 4]], (DOG,), (40, 60), "finite"),
        ([], (), (0, 60), "image_size must be positive"),
    ],
)
def test_impossible_annotations_are_refused(
    boxes: object, class_keys: tuple[str, ...], size: tuple[int, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        annotation(boxes, class_keys, size)


@pytest.mark.parametrize(
    ("boxes", "cut"),
    [
        (np.zeros((0, 4)), []),
        ([[-1, -2, 61, 42]], [[0, 0, 60, 40]]),
        ([[1, 2, 3, 4], [50, 30, 9999, 40]], [[1, 2, 3, 4], [50, 30, 60, 40]]),
        ([[70, 5, 80, 9]], [[60, 5, 60, 9]]),  # wholly outside: without area
    ],
)
def test_boxes_are_cut_where_that_is_asked(boxes: object, cut: list[list[int]]) -> None:
    held = ImageAnnotation("a", Path("a"), (40, 60), np.array(boxes), (DOG,) * len(cut))
    assert held.boxes_xyxy.tolist() == np.array(boxes).tolist()
    assert held.clipped().boxes_xyxy.tolist() == cut
    assert (held.clipped().class_keys, held.clipped().areas) == (held.class_keys, held.areas)


def test_objects_are_chosen_with_all_that_is_known_of_them() -> None:
    held = ImageAnnotation(
        "a",
        Path("a.JPEG"),
        (40, 60),
        np.array([[0, 0, 60, 40], [1, 2, 3, 4]], np.float32),
        (DOG, "screw"),
        difficult=(True, False),
        crowd=(True, False),
        areas=(7.0, 3.0),
    )
    screw = held.where(np.array([False, True]))
    assert screw.boxes_xyxy.tolist() == [[1, 2, 3, 4]]
    assert (screw.class_keys, screw.difficult, screw.crowd, screw.areas) == (
        ("screw",),
        (False,),
        (False,),
        (3.0,),
    )
    assert held.clear().tolist() == [False, True]
    nothing = held.where(np.array([False, False]))
    assert (len(nothing), nothing.boxes_xyxy.shape, nothing.areas) == (0, (0, 4), ())
    assert nothing.clear().shape == (0,)
    mixed = replace(held, difficult=(True, False), crowd=(False, True))
    assert not mixed.clear().any()


@pytest.mark.parametrize(
    "other",
    [
        {"image_id": "b"},
        {"image_size": (40, 61)},
        {"boxes_xyxy": np.array([[0, 0, 60, 39]], np.float32)},
        {"class_keys": ("screw",)},
        {"difficult": (True,)},
        {"crowd": (True,)},
        {"areas": (7.0,)},
    ],
)
def test_other_objects_have_another_digest(other: dict[str, object]) -> None:
    held = ImageAnnotation(
        "a", Path("a.JPEG"), (40, 60), np.array([[0, 0, 60, 40]], np.float32), (DOG,)
    )
    same = replace(held, image_path=Path("elsewhere/a.JPEG"))
    assert digest_of([held]) == digest_of([same])
    assert digest_of([held]) != digest_of([replace(held, **other)])  # type: ignore[arg-type]


def test_a_digest_knows_the_images_order_and_number() -> None:
    first, second = (
        ImageAnnotation(name, Path(name), (4, 6), np.zeros((0, 4), np.float32), ()) for name in "ab"
    )
    digests = {digest_of(some) for some in ([], [first], [first, second], [second, first])}
    assert len(digests) == 4
