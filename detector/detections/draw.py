"""Pictures with the detections drawn on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from detector.detections.results import Detections
from proposals.images import as_rgb_uint8

Rectangle = tuple[float, float, float, float]  # x1, y1, x2, y2
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Okabe and Ito's colours, which people with any colour vision tell apart, and a light grey;
# then wine, of Paul Tol's muted set, since the shipped network has nine classes.
_PALETTE = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (221, 221, 221),
    (136, 34, 85),
)
_DARK, _LIGHT = (0, 0, 0), (255, 255, 255)

_SIDES_A_LINE: Final = 200  # the side of a picture, the mean of both, in widths of a line
_SIDES_A_FONT: Final = 32
_FONTS_A_HEIGHT: Final = 4  # letters are no higher, so that a label leaves something to see
_USUAL_FONT: Final = 12  # pixels; a smaller one only where the picture has no room for it
_SMALLEST_FONT: Final = 8  # pixels; below it letters cannot be told apart
_FEWEST_LETTERS: Final = 3  # of a name that is cut
_LINES_A_RIM: Final = 5


class _Label(NamedTuple):
    text: str
    font: Font
    place: Rectangle
    origin: tuple[float, float]  # of the text, inside the place
    colour: Colour


def draw_detections(image: NDArray[np.uint8], detections: Detections) -> NDArray[np.uint8]:
    """Draw boxes with class names and scores on a copy of an image.

    A class has the same colour in every picture. The best detections lie on top. Lines and
    letters grow with the image. Labels lie inside the image: where it has no room for a label its
    letters get smaller, down to 8 pixels; then the score is left out, then the end of the name, and
    at last, where three letters are too many, the label.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        The RGB picture in which the detections were found.
    detections : Detections
        What to draw; all of them, so choose with ``Detections.above`` first.

    Returns
    -------
    (H, W, 3) uint8 array

    Raises
    ------
    ValueError
        If the image is not of the detections' size.
    """
    image = as_rgb_uint8(image)
    if image.shape[:2] != tuple(detections.image_size):
        raise ValueError(
            f"image must be of the detections' size {tuple(detections.image_size)} but got"
            f" {image.shape[:2]}"
        )
    picture = Image.fromarray(image)
    canvas = ImageDraw.Draw(picture)
    for index in reversed(range(len(detections))):
        _draw_box(canvas, detections, index)
    # Labels come after all boxes, so that no line crosses them. The best choose their place
    # first and are drawn last.
    labels: list[_Label] = []
    for index in range(len(detections)):
        label = _place_label(detections, index, [label.place for label in labels])
        if label is not None:
            labels.append(label)
    for label in reversed(labels):
        _draw_label(canvas, label)
    return np.array(picture)


def _draw_box(canvas: ImageDraw.ImageDraw, detections: Detections, index: int) -> None:
    x1, y1, x2, y2 = detections.boxes_xyxy[index].tolist()
    right, bottom = max(x2 - 1, x1), max(y2 - 1, y1)  # PIL's edges are inclusive
    width = _line_width(detections.image_size)
    if width > 1:  # a dark rim inside the line sets it off from a background of its own colour
        rim = max(1, width // _LINES_A_RIM)
        canvas.rectangle((x1, y1, right, bottom), outline=_DARK, width=width + rim)
    canvas.rectangle((x1, y1, right, bottom), outline=_colour(detections, index), width=width)


def _place_label(detections: Detections, index: int, taken: list[Rectangle]) -> _Label | None:
    """Find the first place at the box, inside the image, that covers no other label."""
    name = detections.classes[detections.labels[index]].name.replace("_", " ")
    fitting = _fitting_text(name, float(detections.scores[index]), detections.image_size)
    if fitting is None:
        return None
    text, font = fitting
    margin = _line_width(detections.image_size)
    left, top, _, _ = font.getbbox(text)
    width, height = _label_size(text, font, margin)
    x1, y1, x2, y2 = detections.boxes_xyxy[index].tolist()
    corners = [
        (x1, y1 - height),  # on top of the box
        (x1, y1),  # in its upper left corner, and so on
        (x1, y2),
        (x2 - width, y1),
        (x1, y2 - height),
        (x2 - width, y2 - height),
    ]
    places = [_inside(corner, (width, height), detections.image_size) for corner in corners]
    free = (place for place in places if not any(_overlap(place, other) for other in taken))
    place = next(free, places[0])
    origin = (place[0] + margin - left, place[1] + margin - top)
    return _Label(text, font, place, origin, _colour(detections, index))


def _draw_label(canvas: ImageDraw.ImageDraw, label: _Label) -> None:
    x1, y1, x2, y2 = label.place
    canvas.rectangle((x1, y1, x2 - 1, y2 - 1), fill=label.colour)
    red, green, blue = label.colour
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 110
    canvas.text(label.origin, label.text, fill=_DARK if bright else _LIGHT, font=label.font)


def _inside(
    corner: tuple[float, float], label_wh: tuple[float, float], image_size: tuple[int, int]
) -> Rectangle:
    x = round(max(0, min(corner[0], image_size[1] - label_wh[0])))
    y = round(max(0, min(corner[1], image_size[0] - label_wh[1])))
    return (x, y, x + label_wh[0], y + label_wh[1])


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _fitting_text(name: str, score: float, image_size: tuple[int, int]) -> tuple[str, Font] | None:
    """Return as much of a label as the image has room for, in letters for its size."""
    margin = _line_width(image_size)
    usual = max(_USUAL_FONT, round(_side(image_size) / _SIDES_A_FONT))
    usual = max(_SMALLEST_FONT, min(usual, image_size[0] // _FONTS_A_HEIGHT))
    for text in _shorter_and_shorter(name, score):
        width, height = _label_size(text, _font(usual), margin)
        room = min(1, image_size[1] / width, image_size[0] / height)
        for size in (int(usual * room), int(usual * room) - 1):  # letters grow in whole pixels
            font = _font(max(size, _SMALLEST_FONT))
            width, height = _label_size(text, font, margin)
            if width <= image_size[1] and height <= image_size[0]:
                return text, font
    return None


def _shorter_and_shorter(name: str, score: float) -> Iterator[str]:
    yield f"{name} {score:.2f}"
    yield from (
        name[:length] for length in range(len(name), min(len(name), _FEWEST_LETTERS) - 1, -1)
    )


def _label_size(text: str, font: Font, margin: int) -> tuple[float, float]:
    """Return width and height of a text with a margin around it."""
    left, top, right, bottom = font.getbbox(text)
    return right - left + 2 * margin, bottom - top + 2 * margin


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _line_width(image_size: tuple[int, int]) -> int:
    return max(1, round(_side(image_size) / _SIDES_A_LINE))


def _side(image_size: tuple[int, int]) -> float:
    """Return the side of a square as large as the image, which a panorama is not as wide as."""
    return math.sqrt(image_size[0] * image_size[1])


def _colour(detections: Detections, index: int) -> Colour:
    return _PALETTE[int(detections.labels[index]) % len(_PALETTE)]
