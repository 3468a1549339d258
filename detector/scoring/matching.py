"""Which detections find an object, by the rule of ILSVRC DET (eval_detection.m)."""

from __future__ import annotations

from typing import Final

import numpy as np

from detector.scoring.records import (
    BoolArray,
    DoubleArray,
    FloatArray,
    GroundTruth,
    IntArray,
    Predictions,
)
from proposals._numba import kernel

USUAL_THRESHOLD: Final = 0.5
SLACK: Final = 10.0  # pixels; what a small object's box may be off by


def object_thresholds(boxes_xyxy: FloatArray) -> DoubleArray:
    """Return the IoU (G,) from which each object (G, 4) counts as found.

    That is ``min(0.5, w h / ((w + 10) (h + 10)))``. The devkit's w is ``xmax - xmin + 1`` of
    inclusive pixels: the width of a box with an exclusive edge.
    """
    boxes = boxes_xyxy.astype(np.float64)
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    allowed = widths * heights / ((widths + SLACK) * (heights + SLACK))
    return np.minimum(USUAL_THRESHOLD, allowed)


def find_objects(ground_truth: GroundTruth, predictions: Predictions) -> BoolArray:
    """Return for each detection (D,) whether it finds an object.

    In an image and a class, the detections choose by descending score, and by their order
    where scores are equal. Each takes the object with the highest IoU among those that nobody
    took and whose own threshold it reaches; of equal ones, the first. One that finds its
    favourite taken may so take another, unlike in PASCAL VOC.
    """
    by_group = np.lexsort((ground_truth.class_ids, ground_truth.image_indices))
    object_boxes = ground_truth.boxes_xyxy[by_group]
    order = np.lexsort((-predictions.scores, predictions.class_ids, predictions.image_indices))
    found = _match_sorted(
        np.stack([ground_truth.image_indices, ground_truth.class_ids], axis=1)[by_group],
        object_boxes.astype(np.float64),
        object_thresholds(object_boxes),
        np.stack([predictions.image_indices, predictions.class_ids], axis=1)[order],
        predictions.boxes_xyxy[order].astype(np.float64),
    )
    in_given_order = np.empty_like(found)
    in_given_order[order] = found
    return in_given_order


@kernel
def _match_sorted(
    object_groups: IntArray,  # (G, 2) image index and class id, ascending
    object_boxes: DoubleArray,  # (G, 4)
    thresholds: DoubleArray,  # (G,)
    detection_groups: IntArray,  # (D, 2) ascending; within a group by descending score
    detection_boxes: DoubleArray,  # (D, 4)
) -> BoolArray:
    found = np.zeros(len(detection_groups), np.bool_)
    taken = np.zeros(len(object_groups), np.bool_)
    first = 0  # object of the group at hand, or where it would stand
    for d in range(len(detection_groups)):
        image, class_id = detection_groups[d]
        while first < len(object_groups) and (
            object_groups[first, 0] < image
            or (object_groups[first, 0] == image and object_groups[first, 1] < class_id)
        ):
            first += 1
        best, best_iou = -1, -1.0
        g = first
        while (
            g < len(object_groups)
            and object_groups[g, 0] == image
            and object_groups[g, 1] == class_id
        ):
            if not taken[g]:
                iou = _iou(detection_boxes[d], object_boxes[g])
                if iou > 0 and iou >= thresholds[g] and iou > best_iou:
                    best, best_iou = g, iou
            g += 1
        if best >= 0:
            taken[best] = True
            found[d] = True
    return found


@kernel
def _iou(box: DoubleArray, other: DoubleArray) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    area = (box[2] - box[0]) * (box[3] - box[1])
    other_area = (other[2] - other[0]) * (other[3] - other[1])
    return float(shared / (area + other_area - shared))
