"""What was detected, cut out of the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.detections.results import Detections

_LONGEST_CLASS: Final = 30  # letters of its name, in a file's name


def cut_out(image: NDArray[np.uint8], detections: Detections) -> Iterator[NDArray[np.uint8]]:
    """Yield the part of an image that each detection's box touches, best first.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB, in which the detections were found.
    detections : Detections

    Yields
    ------
    (h, w, 3) uint8 array
        All pixels that the box touches, so that edges are rounded outwards; at least one. A view
        into the image.
    """
    height, width = detections.image_size
    for x1, y1, x2, y2 in detections.boxes_xyxy.tolist():
        left, right = _whole_pixels(x1, x2, width)
        top, bottom = _whole_pixels(y1, y2, height)
        yield image[top:bottom, left:right]


def crop_name(image_name: str, detections: Detections, index: int) -> str:
    """Return the name, without suffix, of the file of one crop.

    It is ``IMAGE-NUMBER-CLASS-SCORE``, for example ``street-0003-domestic_cat-0.87``: the number
    counts the detections of the image from 1, the best first, so that files sort by image, then by
    score. Of the class's name what is neither letter nor digit becomes ``_``.
    """
    label, score = detections.labels[index], detections.scores[index]
    name = "".join(one if one.isalnum() else "_" for one in detections.classes[label].name)
    return f"{image_name}-{index + 1:04}-{name[:_LONGEST_CLASS]}-{score:.2f}"


def _whole_pixels(low: float, high: float, size: int) -> tuple[int, int]:
    first = min(math.floor(low), size - 1)
    return first, max(math.ceil(high), first + 1)
