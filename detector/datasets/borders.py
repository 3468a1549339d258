"""Clipping of an annotated box that does not lie in its image."""

from __future__ import annotations

from typing import Final

MAX_SIDE: Final = 65_535  # of an image, in pixels; the JPEG format knows no longer side

Box = tuple[float, float, float, float]


def clip_box(box_xyxy: Box, image_size: tuple[int, int]) -> Box | None:
    """Return a box clipped to an image of (height, width), None if it lies outside.

    A box without area stays what it is where it touches the image.
    """
    height, width = image_size
    x1, y1, x2, y2 = box_xyxy
    clipped = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    for low, high, was_empty in (
        (clipped[0], clipped[2], x1 == x2),
        (clipped[1], clipped[3], y1 == y2),
    ):
        if low > high or (low == high and not was_empty):
            return None
    return clipped
