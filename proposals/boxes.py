"""Box geometry, in the one format used inside the house.

Boxes are ``(N, 4)`` float32 arrays of ``(x1, y1, x2, y2)`` in pixels; the right and bottom
edges are exclusive, so ``x2 - x1`` is the width and a box over a whole image of height H and
width W is ``(0, 0, W, H)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foundation.kernels import Number, kernel, read_only, subroutine

FloatArray = NDArray[np.float32]

Box = tuple[Number, Number, Number, Number]
"""One box inside a kernel: x1, y1, x2, y2."""

# In single precision, so that kernels compute in that of the boxes, whichever it is.
_ZERO, _TINY = np.float32(0), np.finfo(np.float32).tiny


def check_boxes(boxes_xyxy: ArrayLike, what: str) -> FloatArray:
    """Return ``boxes_xyxy`` as a contiguous ``(N, 4)`` float32 array, or refuse it.

    Parameters
    ----------
    boxes_xyxy : array_like, (N, 4)
        An empty sequence counts as no boxes.
    what : str
        What the boxes are; opens the error message.

    Raises
    ------
    ValueError
        If the shape is not (N, 4), a value is not finite, or an edge lies before its opposite.
    """
    boxes = np.ascontiguousarray(boxes_xyxy, dtype=np.float32)
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{what}: boxes must be of shape (N, 4), but got {boxes.shape}")
    if not np.isfinite(boxes).all():
        raise ValueError(f"{what}: boxes must be finite, but box {_first_bad(~np.isfinite(boxes))}")
    reversed_edges = boxes[:, 2:] < boxes[:, :2]
    if reversed_edges.any():
        row = int(np.flatnonzero(reversed_edges.any(axis=1))[0])
        raise ValueError(
            f"{what}: boxes must be (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2,"
            f" but box {row} is {boxes[row].tolist()}"
        )
    return boxes


def _first_bad(bad: NDArray[np.bool_]) -> str:
    return f"{int(np.flatnonzero(bad.any(axis=1))[0])} is not"


def box_areas(boxes_xyxy: FloatArray) -> FloatArray:
    """Return the areas ``(N,)`` of ``(N, 4)`` boxes, in square pixels."""
    sides = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]  # (N, 2)
    return sides[:, 0] * sides[:, 1]


def pairwise_iou(boxes_a: FloatArray, boxes_b: FloatArray) -> FloatArray:
    """Return the intersection over union ``(A, B)`` of every box of one set with every other.

    A pair whose union is empty has an IoU of 0.
    """
    ious = np.empty((len(boxes_a), len(boxes_b)), np.float32)
    _pairwise_iou(read_only(boxes_a, np.float32), read_only(boxes_b, np.float32), ious)
    return ious


@kernel
def _pairwise_iou(boxes_a: FloatArray, boxes_b: FloatArray, ious: FloatArray) -> None:
    for i in range(boxes_a.shape[0]):
        box = box_at(boxes_a, i)
        for j in range(boxes_b.shape[0]):
            ious[i, j] = iou(box, box_at(boxes_b, j))


@subroutine
def box_at(boxes_xyxy: NDArray[Any], row: Number) -> Box:
    """Return one of the boxes ``(N, 4)``."""
    return boxes_xyxy[row, 0], boxes_xyxy[row, 1], boxes_xyxy[row, 2], boxes_xyxy[row, 3]


@subroutine
def iou(box: Box, other: Box) -> Number:
    """Return the intersection over union of two boxes; 0 where they share nothing."""
    shared = shared_area(box, other)
    # No branch: the processor takes several boxes at a time.
    return shared / max(area(box) + area(other) - shared, _TINY)


@subroutine
def shared_area(box: Box, other: Box) -> Number:
    """Return the area that two boxes share, in square pixels."""
    width = max(min(box[2], other[2]) - max(box[0], other[0]), _ZERO)
    height = max(min(box[3], other[3]) - max(box[1], other[1]), _ZERO)
    return width * height


@subroutine
def area(box: Box) -> Number:
    """Return the area of a box, in square pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])


def clip_boxes(boxes_xyxy: FloatArray, image_size: tuple[int, int]) -> FloatArray:
    """Return boxes ``(N, 4)`` cut at the borders of an image of ``(height, width)`` pixels.

    A box wholly outside becomes one of no area on the border that is nearest.
    """
    height, width = image_size
    limits = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(boxes_xyxy, np.float32(0), limits)


def boxes_inside(boxes_xyxy: FloatArray, image_size: tuple[int, int]) -> FloatArray:
    """Return boxes ``(R, 4)`` cut at an image's borders, those of no area inside it left out."""
    clipped = clip_boxes(boxes_xyxy, image_size)
    return clipped[box_areas(clipped) > 0]
