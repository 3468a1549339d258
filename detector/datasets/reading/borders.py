"""Where an annotated box lies to the borders of its image."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_SIDE: Final = 65_535  # of an image, in pixels; the JPEG format knows no longer side

Box = tuple[float, float, float, float]


def lies_outside(box_xyxy: Box, image_size: tuple[int, int]) -> bool:
    """Return whether a box shares nothing with an image of (height, width).

    A box without area shares something where it touches the image.
    """
    height, width = image_size
    x1, y1, x2, y2 = box_xyxy
    for low, high, side in ((x1, x2, width), (y1, y2, height)):
        if low > side or high < 0 or (low < high and (low == side or high == 0)):
            return True
    return False


def overhangs(boxes_xyxy: NDArray[np.float32], image_size: tuple[int, int]) -> NDArray[np.float32]:
    """Return by how many pixels each box (G, 4) leaves an image of (height, width) at most."""
    height, width = image_size
    beyond = boxes_xyxy[:, 2:] - np.array([width, height], np.float32)
    most: NDArray[np.float32] = np.maximum(beyond, -boxes_xyxy[:, :2]).max(axis=1, initial=0)
    return most
