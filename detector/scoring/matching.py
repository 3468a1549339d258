"""Which object each detection takes: the rules of ILSVRC DET and of PASCAL VOC.

Both go through the detections of an image and a class by descending score, and by their order
where scores are equal. They differ in what a detection does when its favourite is taken.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detector.scoring.records import (
    BoolArray,
    DoubleArray,
    FloatArray,
    GroundTruth,
    IntArray,
    Predictions,
)
from foundation.kernels import kernel, read_only
from proposals.boxes import area, box_at, iou, shared_area

USUAL_THRESHOLD: Final = 0.5
SLACK: Final = 10.0  # pixels; what a small object's box may be off by


def object_thresholds(boxes_xyxy: FloatArray) -> DoubleArray:
    """Return the IoU (G,) from which each object (G, 4) counts as found by ILSVRC's rule.

    That is ``min(0.5, w h / ((w + 10) (h + 10)))``. The devkit's w is ``xmax - xmin + 1`` of
    inclusive pixels: the width of a box with an exclusive edge.
    """
    boxes = boxes_xyxy.astype(np.float64)
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    allowed = widths * heights / ((widths + SLACK) * (heights + SLACK))
    return np.minimum(USUAL_THRESHOLD, allowed)


def match_objects(ground_truth: GroundTruth, predictions: Predictions) -> IntArray:
    """Return for each detection (D,) the row of the object that it takes, by ILSVRC's rule.

    Each takes the object with the highest IoU among those that nobody took and whose own
    threshold it reaches; of equal ones, the first. One that finds its favourite taken may so
    take another, unlike in PASCAL VOC. A detection that takes none has -1.
    """
    groups = _group(ground_truth, predictions)
    thresholds = object_thresholds(ground_truth.boxes_xyxy)[groups.object_rows]
    takes = np.full(len(predictions), -1, np.int64)
    _take_best_free(
        groups.ranking,
        _in_double(predictions.boxes_xyxy),
        groups.starts,
        groups.stops,
        _in_double(ground_truth.boxes_xyxy[groups.object_rows]),
        thresholds,
        np.zeros(len(ground_truth), np.bool_),
        takes,
    )
    return _rows_of(takes, groups)


def find_objects(ground_truth: GroundTruth, predictions: Predictions) -> BoolArray:
    """Return for each detection (D,) whether it takes an object in `match_objects`."""
    return match_objects(ground_truth, predictions) >= 0


def match_objects_voc(
    ground_truth: GroundTruth, predictions: Predictions
) -> tuple[IntArray, BoolArray]:
    """Return which object each detection takes by the rule of PASCAL VOC (VOCevaldet.m).

    Each looks at the object with the highest IoU, of equal ones the first, taken or not. From
    an IoU of 0.5 on it takes that object if nobody did; of a difficult one it is ignored.

    Returns
    -------
    rows : (D,) int64
        Row of the object that each detection takes; -1 for none.
    ignored : (D,) bool
        Detections that count neither way.
    """
    groups = _group(ground_truth, predictions)
    takes = np.full(len(predictions), -1, np.int64)
    ignored = np.zeros(len(predictions), np.bool_)
    _take_favourite(
        groups.ranking,
        _in_double(predictions.boxes_xyxy),
        groups.starts,
        groups.stops,
        _in_double(ground_truth.boxes_xyxy[groups.object_rows]),
        ground_truth.difficult[groups.object_rows],
        np.zeros(len(ground_truth), np.bool_),
        takes,
        ignored,
    )
    return _rows_of(takes, groups), ignored


def lie_in_crowd(crowd: GroundTruth, predictions: Predictions) -> BoolArray:
    """Return which detections (D,) lie by half or more in one crowd box of their class."""
    if len(crowd) == 0:
        return np.zeros(len(predictions), np.bool_)
    groups = _group(crowd, predictions)
    inside = np.zeros(len(predictions), np.bool_)
    _find_inside(
        _in_double(predictions.boxes_xyxy),
        groups.starts,
        groups.stops,
        _in_double(crowd.boxes_xyxy[groups.object_rows]),
        inside,
    )
    return inside


def _in_double(boxes_xyxy: FloatArray) -> DoubleArray:
    """Return boxes ``(N, 4)`` for IoUs in double precision, as the devkits have them."""
    return read_only(boxes_xyxy, np.float64)


class _Groups(NamedTuple):
    """Objects sorted by image and class, so that those that concern a detection are a slice."""

    object_rows: IntArray  # (G,) row of each sorted object
    starts: IntArray  # (D,) the slice of each detection
    stops: IntArray  # (D,)
    ranking: IntArray  # (D,) rows of the detections, in the order in which they choose


def _group(ground_truth: GroundTruth, predictions: Predictions) -> _Groups:
    # One number an image and class; the stride exceeds every class id.
    stride = 1 + max(
        (int(ids.max()) for ids in (ground_truth.class_ids, predictions.class_ids) if len(ids)),
        default=0,
    )
    object_keys = ground_truth.image_indices * stride + ground_truth.class_ids
    detection_keys = predictions.image_indices * stride + predictions.class_ids
    object_rows = np.argsort(object_keys, kind="stable")
    object_keys = object_keys[object_rows]
    return _Groups(
        object_rows,
        np.searchsorted(object_keys, detection_keys, side="left"),
        np.searchsorted(object_keys, detection_keys, side="right"),
        np.argsort(-predictions.scores, kind="stable"),
    )


def _rows_of(taken: IntArray, groups: _Groups) -> IntArray:
    """Return the rows of objects that are given by their sorted place, -1 for none."""
    return np.append(groups.object_rows, -1)[taken]


@kernel
def _take_best_free(
    ranking: IntArray,  # (D,)
    detection_boxes: DoubleArray,  # (D, 4)
    starts: IntArray,  # (D,)
    stops: IntArray,  # (D,)
    object_boxes: DoubleArray,  # (G, 4)
    thresholds: DoubleArray,  # (G,)
    taken: BoolArray,  # (G,) all false
    takes: IntArray,  # (D,) all -1; filled
) -> None:
    for d in ranking:
        box = box_at(detection_boxes, d)
        best, best_iou = -1, 0.0
        for g in range(starts[d], stops[d]):
            if not taken[g]:
                overlap = iou(box, box_at(object_boxes, g))
                if overlap >= thresholds[g] and overlap > best_iou:
                    best, best_iou = g, overlap
        if best >= 0:
            taken[best] = True
            takes[d] = best


@kernel
def _take_favourite(
    ranking: IntArray,  # (D,)
    detection_boxes: DoubleArray,  # (D, 4)
    starts: IntArray,  # (D,)
    stops: IntArray,  # (D,)
    object_boxes: DoubleArray,  # (G, 4)
    difficult: BoolArray,  # (G,)
    taken: BoolArray,  # (G,) all false
    takes: IntArray,  # (D,) all -1; filled
    ignored: BoolArray,  # (D,) all false; filled
) -> None:
    for d in ranking:
        box = box_at(detection_boxes, d)
        favourite, best_iou = -1, 0.0
        for g in range(starts[d], stops[d]):
            overlap = iou(box, box_at(object_boxes, g))
            if overlap > best_iou:
                favourite, best_iou = g, overlap
        if best_iou < USUAL_THRESHOLD:
            continue
        if difficult[favourite]:
            ignored[d] = True
        elif not taken[favourite]:
            taken[favourite] = True
            takes[d] = favourite


@kernel
def _find_inside(
    detection_boxes: DoubleArray,  # (D, 4)
    starts: IntArray,  # (D,)
    stops: IntArray,  # (D,)
    crowd_boxes: DoubleArray,  # (G, 4)
    inside: BoolArray,  # (D,) all false; filled
) -> None:
    for d in range(inside.size):
        box = box_at(detection_boxes, d)
        needed = USUAL_THRESHOLD * area(box)
        for g in range(starts[d], stops[d]):
            if needed > 0 and shared_area(box, box_at(crowd_boxes, g)) >= needed:
                inside[d] = True
