"""Pictures with the detections drawn on them."""

from __future__ import annotations

from typing import NamedTuple

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
_SMALLEST_FONT = 8


class _Label(NamedTuple):
    text: str
    font: Font
    place: Rectangle
    origin: tuple[float, float]  # of the text, inside the place
    colour: Colour


def draw_detections(image: NDArray[np.uint8], detections: Detections) -> NDArray[np.uint8]:
    """Draw boxes with class names and scores on a copy of an image.

    A class has the same colour in every picture. The best detections lie on top. Lines and
    letters grow with the image.

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
        labels.append(_place_label(detections, index, [label.place for label in labels]))
    for label in reversed(labels):
        _draw_label(canvas, label)
    return np.array(picture)


def _draw_box(canvas: ImageDraw.ImageDraw, detections: Detections, index: int) -> None:
    x1, y1, x2, y2 = detections.boxes_xyxy[index].tolist()
    right, bottom = max(x2 - 1, x1), max(y2 - 1, y1)  # PIL's edges are inclusive
    width = _line_width(detections.image_size)
    # A dark rim inside the line sets it off from a background of its own colour.
    canvas.rectangle((x1, y1, right, bottom), outline=_DARK, width=width + 1)
    canvas.rectangle((x1, y1, right, bottom), outline=_colour(detections, index), width=width)


def _place_label(detections: Detections, index: int, taken: list[Rectangle]) -> _Label:
    """Find the first place at the box, inside the image, that covers no other label."""
    name = detections.classes[detections.labels[index]].name.replace("_", " ")
    text = f"{name} {detections.scores[index]:.2f}"
    font = _fitting_font(text, detections.image_size)
    margin = _line_width(detections.image_size)
    left, top, right, bottom = font.getbbox(text)
    width, height = right - left + 2 * margin, bottom - top + 2 * margin
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


def _fitting_font(text: str, image_size: tuple[int, int]) -> Font:
    """Return a font for the image's size, smaller where the text would be too wide."""
    size = max(12, round(sum(image_size) / 2 / 32))
    room = image_size[1] - 2 * _line_width(image_size)
    text_width = ImageFont.load_default(size).getbbox(text)[2]
    if text_width > room:
        size = max(_SMALLEST_FONT, int(size * room / text_width))
    return ImageFont.load_default(size)


def _line_width(image_size: tuple[int, int]) -> int:
    return max(1, round(sum(image_size) / 2 / 200))


def _colour(detections: Detections, index: int) -> Colour:
    return _PALETTE[int(detections.labels[index]) % len(_PALETTE)]
