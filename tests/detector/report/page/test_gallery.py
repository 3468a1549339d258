from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.datasets import ImageAnnotation
from detector.report import Matches, find_errors
from detector.report.page.gallery import (
    DETECTION_COLOUR,
    MAX_SIDE,
    OBJECT_COLOUR,
    draw_thumbnail,
    largest_missed,
    thumbnails,
    worst_false_positives,
)

GREY = np.full((300, 400, 3), 128, np.uint8)


def decoded(webp: bytes) -> np.ndarray:
    with Image.open(BytesIO(webp)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return where a picture (H, W, 3) has about a colour."""
    return np.abs(picture - np.array(colour)).max(axis=2) < 50


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((0, 0, 400, 300), (240, 320)),  # the whole picture
        ((100, 100, 150, 150), (320, 320)),  # a part, enlarged
        ((0, 100, 200, 110), (160, 320)),  # a flat one: half as high as wide
        ((150, 100, 150, 100), (320, 320)),  # no area
        ((390, 290, 800, 600), None),  # leaves the picture
        ((900, 900, 950, 950), None),  # is not in it
        ((-1e38, -1e38, 1e38, 1e38), (240, 320)),  # covers more than there is
    ],
)
def test_a_thumbnail_shows_the_box_and_its_surroundings(
    box: tuple[float, float, float, float], size: tuple[int, int] | None
) -> None:
    webp, drawn_size = draw_thumbnail(GREY, [(box, DETECTION_COLOUR)])
    picture = decoded(webp)
    assert picture.shape == (*drawn_size, 3)
    assert max(drawn_size) == MAX_SIDE
    if size is not None:
        assert drawn_size == size
    if size is not None and box[2] < 1e38:
        assert near(picture, DETECTION_COLOUR).any()


def test_a_box_is_drawn_where_it_is_and_over_the_object() -> None:
    boxes = [((100.0, 100.0, 200.0, 200.0), colour) for colour in (OBJECT_COLOUR, DETECTION_COLOUR)]
    webp, _ = draw_thumbnail(GREY, boxes)
    rows, columns = np.nonzero(near(decoded(webp), DETECTION_COLOUR))
    # The window is from 50 to 250, and 320 pixels wide.
    assert (rows.min(), rows.max() + 1) == pytest.approx((80, 240), abs=2)
    assert (columns.min(), columns.max() + 1) == pytest.approx((80, 240), abs=2)


def test_a_thumbnail_has_the_size_that_is_asked_for() -> None:
    webp, size = draw_thumbnail(GREY, [((0, 0, 400, 300), OBJECT_COLOUR)], 180)
    assert size == (135, 180)
    assert decoded(webp).shape == (135, 180, 3)


def test_a_picture_of_one_pixel_is_drawn() -> None:
    webp, size = draw_thumbnail(GREY[:1, :1], [((0, 0, 1, 1), OBJECT_COLOUR)])
    assert decoded(webp).shape == (*size, 3)


def test_the_worst_come_first_and_no_picture_fills_a_gallery(
    make_matches: Callable[..., Matches],
) -> None:
    detections = [
        *((0, 1, (0, 0, 50 + i, 50), 0.9 - i / 100) for i in range(5)),
        *((1, 1, (0, 0, 50 + i, 50), 0.5 - i / 100) for i in range(5)),
    ]
    matches = make_matches([], detections)
    assert worst_false_positives(matches, find_errors(matches), "background") == [0, 1, 5, 6]
    assert worst_false_positives(matches, find_errors(matches), "both") == []


def test_the_largest_missed_come_first(make_matches: Callable[..., Matches]) -> None:
    objects = [(i % 3, 1, (0, 0, 10 + i, 10)) for i in range(7)]
    matches = make_matches(objects, [])
    assert largest_missed(matches, find_errors(matches)) == [6, 5, 4, 3, 2, 1]


def test_pictures_that_cannot_be_read_are_told_once(
    make_matches: Callable[..., Matches], tmp_path: Path
) -> None:
    Image.fromarray(GREY).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_text("no picture")
    matches = make_matches([(0, 1, (0, 0, 50, 50))], [(1, 1, (0, 0, 9, 9), 0.5)] * 2)
    annotations = {
        i: ImageAnnotation(str(i), tmp_path / f"{i}.png", (300, 400), np.zeros((0, 4)), ())
        for i in range(3)
    }
    drawn, skipped = thumbnails(matches, annotations, [(0, -1), (-1, 0), (1, -1)])
    assert [(one.image_index, one.detection, one.object) for one in drawn] == [(0, -1, 0)]
    assert drawn[0].data_url.startswith("data:image/webp;base64,UklGR")
    (reason,) = skipped
    assert "1.png" in reason
