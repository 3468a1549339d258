from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage import data

from detector.classes import ilsvrc_classes
from detector.detections import draw
from detector.detections.draw import draw_detections
from detector.detections.results import Detections


def detections(
    image: NDArray[np.uint8], boxes: list[tuple[float, ...]], labels: list[int]
) -> Detections:
    return Detections(
        boxes_xyxy=np.array(boxes, np.float32),
        scores=np.linspace(1, 0, len(boxes), dtype=np.float32),
        labels=np.array(labels, np.int64),
        classes=ilsvrc_classes(),
        image_size=(image.shape[0], image.shape[1]),
    )


def test_nothing_detected_leaves_the_picture_as_it_is() -> None:
    image = data.chelsea()
    drawn = draw_detections(image, Detections.empty(ilsvrc_classes(), (300, 451)))
    np.testing.assert_array_equal(drawn, image)
    assert drawn is not image


def test_the_given_picture_is_not_changed() -> None:
    image = data.chelsea()
    before = image.copy()
    draw_detections(image, detections(image, [(20, 20, 200, 200)], [3]))
    np.testing.assert_array_equal(image, before)


def test_only_the_lines_and_the_label_are_drawn() -> None:
    image = np.full((300, 400, 3), 90, np.uint8)
    drawn = draw_detections(image, detections(image, [(100, 100, 300, 250)], [0]))
    changed = (drawn != image).any(axis=2)
    assert changed[100, 100:300].all()
    assert changed[249, 100:300].all()
    assert changed[100:250, 100].all()
    assert changed[100:250, 299].all()
    assert not changed[110:240, 110:290].any()
    assert not changed[251:].any()
    assert not changed[:60].any()


def test_a_class_has_one_colour_and_its_neighbours_have_others() -> None:
    image = np.full((300, 400, 3), 90, np.uint8)
    corners = [
        draw_detections(image, detections(image, [(100, 100, 300, 250)], [label]))[249, 200]
        for label in (0, 0, 1, 2, 3)
    ]
    assert len({tuple(corner) for corner in corners}) == 4
    np.testing.assert_array_equal(corners[0], corners[1])


def test_lines_are_wider_on_a_larger_picture() -> None:
    def width(scale: int) -> int:
        image = np.full((100 * scale, 100 * scale, 3), 90, np.uint8)
        box = (20 * scale, 20 * scale, 80 * scale, 80 * scale)
        drawn = draw_detections(image, detections(image, [box], [0]))
        return int((drawn[50 * scale, : 50 * scale] != 90).any(axis=1).sum())

    assert width(1) < width(10) < width(30)


@pytest.mark.parametrize(("size", "rim"), [((30, 40), 0), ((300, 400), 1), ((3000, 4000), 3)])
def test_a_dark_rim_sets_off_all_but_the_thinnest_lines(size: tuple[int, int], rim: int) -> None:
    image = np.full((*size, 3), 90, np.uint8)
    height, width = size
    box = (0.2 * width, 0.2 * height, 0.8 * width, 0.8 * height)
    drawn = draw_detections(image, detections(image, [box], [0]))
    across = drawn[height * 3 // 4, : width // 2]  # beneath the label
    assert int((across == 0).all(axis=1).sum()) == rim


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(1, 120),
    width=st.integers(1, 120),
    seed=st.integers(0, 99),
    count=st.integers(1, 6),
)
def test_any_boxes_on_any_picture_can_be_drawn(
    height: int, width: int, seed: int, count: int
) -> None:
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (height, width, 3), np.uint8)
    corners = generator.uniform(0, 1, (count, 2, 2)) * (width, height)
    boxes = np.hstack([corners.min(axis=1), corners.max(axis=1)])
    labels = generator.integers(0, 200, count).tolist()
    drawn = draw_detections(image, detections(image, boxes.tolist(), labels))
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8


@pytest.mark.parametrize(
    "box", [(0, 0, 30, 20), (370, 0, 400, 20), (0, 280, 30, 300), (370, 280, 400, 300)]
)
def test_a_label_at_the_border_lies_wholly_inside(box: tuple[float, ...]) -> None:
    image = np.full((300, 400, 3), 90, np.uint8)
    label = 57  # a class with a long name
    at_border = draw_detections(image, detections(image, [box], [label]))
    in_middle = draw_detections(image, detections(image, [(180, 140, 210, 160)], [label]))
    colour = tuple(in_middle[159, 195])
    # Where the label covers its own box, some of the lines are hidden.
    assert count(at_border, colour) >= 0.8 * count(in_middle, colour)


def count(picture: NDArray[np.uint8], colour: tuple[int, ...]) -> int:
    return int((picture == colour).all(axis=2).sum())


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    label=st.sampled_from([0, 57, 123]),
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_no_label_is_cut_by_the_border(
    height: int, width: int, label: int, corner: tuple[float, float]
) -> None:
    def drawn(padding: int) -> NDArray[np.uint8]:
        """Draw the label alone, a box without lines that are seen, and what lies around."""
        found = detections(np.zeros((height, width, 3), np.uint8), [(x, y, x, y)], [label])
        placed = draw._place_label(found, 0, [])
        canvas = Image.new("RGB", (width + 2 * padding, height + 2 * padding), (90, 90, 90))
        if placed is not None:
            x1, y1, x2, y2 = placed.place
            moved = placed._replace(
                place=(x1 + padding, y1 + padding, x2 + padding, y2 + padding),
                origin=(placed.origin[0] + padding, placed.origin[1] + padding),
            )
            draw._draw_label(ImageDraw.Draw(canvas), moved)
        return np.array(canvas)

    x, y = corner[0] * width, corner[1] * height
    wide = drawn(padding=60)
    outside = wide.copy()
    outside[60 : 60 + height, 60 : 60 + width] = 90
    assert (outside == 90).all()


@pytest.mark.parametrize(
    ("size", "letters", "lines"),
    [((30, 40), 8, 1), ((120, 160), 12, 1), ((375, 500), 14, 2), ((4000, 6000), 153, 24)],
)
def test_letters_and_lines_are_of_the_size_of_the_picture(
    size: tuple[int, int], letters: int, lines: int
) -> None:
    text, font = draw._fitting_text("dog", 0.9, size) or ("", None)
    assert text == "dog 0.90"
    assert getattr(font, "size", 0) == letters
    assert draw._line_width(size) == lines


@pytest.mark.parametrize(
    ("width", "text"),
    [(400, "domestic cat 0.90"), (60, "domestic cat"), (40, "domestic"), (20, "dom"), (14, None)],
)
def test_what_has_no_room_is_left_out_of_a_label_from_its_end(width: int, text: str | None) -> None:
    fitting = draw._fitting_text("domestic cat", 0.9, (30, width))
    shown = None if fitting is None else fitting[0]
    if text in {"domestic", "dom"}:
        assert shown is not None
        assert "domestic cat".startswith(shown)
        assert len(text) - 2 <= len(shown) <= len(text) + 1
    else:
        assert shown == text


def test_a_panorama_has_letters_for_its_height() -> None:
    _, font = draw._fitting_text("dog", 0.9, (60, 6000)) or ("", None)
    assert getattr(font, "size", 0) == 15
    assert draw._line_width((60, 6000)) == 3


def test_labels_of_neighbours_do_not_cover_each_other() -> None:
    image = np.full((300, 400, 3), 90, np.uint8)
    box = (100.0, 100.0, 300.0, 250.0)
    together = draw_detections(image, detections(image, [box, box], [0, 1]))
    colours = [
        tuple(draw_detections(image, detections(image, [box], [label]))[249, 200])
        for label in (0, 1)
    ]
    alone = draw_detections(image, detections(image, [box], [1]))
    lines = 2 * (200 + 150) * 4  # the second box's lines may be covered, its label may not
    assert count(together, colours[1]) > count(alone, colours[1]) - lines
    assert count(together, colours[1]) > 500


def test_a_picture_of_another_size_is_refused() -> None:
    image = data.chelsea()
    found = detections(image, [(0, 0, 9, 9)], [0])
    smaller = np.array(Image.fromarray(image).resize((100, 100)))
    with pytest.raises(ValueError, match=r"detections' size \(300, 451\) but got \(100, 100\)"):
        draw_detections(smaller, found)
