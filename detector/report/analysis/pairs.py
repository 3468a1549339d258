"""Detections and objects of one image after another, with their overlaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from detector.scoring.records import DoubleArray, FloatArray, GroundTruth, IntArray, Predictions

NO_OBJECT: Final = -1


class ImagePairs(NamedTuple):
    """The detections and objects of one image, by their rows, and their overlaps."""

    detections: IntArray  # (d,) rows of the predictions
    objects: IntArray  # (g,) rows of the ground truth
    ious: DoubleArray  # (d, g)


def pairs_by_image(
    predictions: Predictions, ground_truth: GroundTruth, detections: IntArray, objects: IntArray
) -> Iterator[ImagePairs]:
    """Yield every image that holds some of these detections, with some or no objects.

    Parameters
    ----------
    predictions : Predictions
    ground_truth : GroundTruth
    detections, objects : int64 arrays
        The rows to look at; each image's stay in this order.
    """
    images = predictions.image_indices[detections]
    object_images = ground_truth.image_indices[objects]
    by_image = np.argsort(images, kind="stable")
    objects_by_image = np.argsort(object_images, kind="stable")
    sorted_images = object_images[objects_by_image]
    distinct, starts = np.unique(images[by_image], return_index=True)
    for image, rows in zip(distinct, np.split(by_image, starts[1:]), strict=False):
        first, last = np.searchsorted(sorted_images, [image, image + 1])
        mine, there = detections[rows], objects[objects_by_image[first:last]]
        ious = _ious(predictions.boxes_xyxy[mine], ground_truth.boxes_xyxy[there])
        yield ImagePairs(mine, there, ious)


def _ious(boxes: FloatArray, others: FloatArray) -> DoubleArray:
    """Return the IoU (d, g) in float64, as matching has it, and not rounded to float32."""
    a, b = boxes.astype(np.float64)[:, None], others.astype(np.float64)[None]  # (d, 1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)  # (d, g)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    ious: DoubleArray = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return ious


def take_best(ious: DoubleArray, *, last_of_equals: bool = False) -> IntArray:
    """Let each row in turn take the column of its highest value above 0 that is still free.

    Parameters
    ----------
    ious : (d, g) float64
        0 for what may not be taken.
    last_of_equals : bool
        Which of several columns of the same value is taken: the last instead of the first.

    Returns
    -------
    (d,) int64
        The column that each row takes; -1 for none.
    """
    takes = np.full(len(ious), NO_OBJECT, np.int64)
    columns = np.arange(ious.shape[1])
    free = np.ones(len(columns), np.bool_)
    for row in np.flatnonzero((ious > 0).any(axis=1)).tolist():
        values = np.where(free, ious[row], 0)
        best = columns[values == values.max()][-1 if last_of_equals else 0]
        if values[best] > 0:
            takes[row] = best
            free[best] = False
    return takes
