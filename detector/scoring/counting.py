"""Which objects and detections a protocol looks at, before any are matched."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from detector.scoring.outcomes import Protocol
from detector.scoring.records import Blacklist, BoolArray, GroundTruth, IntArray, Predictions


def counting_rows(
    ground_truth: GroundTruth,
    predictions: Predictions,
    wanted: Collection[int],
    blacklist: Blacklist,
    protocol: Protocol,
) -> tuple[GroundTruth, Predictions]:
    """Return the objects and detections of wanted classes that are not on the blacklist.

    Detections stand in the order in which the protocol ranks equal scores. VOCevaldet.m keeps
    the lines of the result file. eval_detection.m sorts by the image's number before it sorts
    by confidence, and COCOeval.accumulate joins the images in the order of their numbers; both
    sorts are stable, so that within an image the earlier row goes first.
    """
    objects = _counting(ground_truth.image_indices, ground_truth.class_ids, wanted, blacklist)
    detections = _counting(predictions.image_indices, predictions.class_ids, wanted, blacklist)
    predictions = predictions.where(detections)
    if protocol in ("ilsvrc", "coco"):
        by_image = np.argsort(predictions.image_indices, kind="stable")
        predictions = predictions.where(by_image)
    return ground_truth.where(objects), predictions


def is_asked_for(ground_truth: GroundTruth, protocol: Protocol) -> BoolArray:
    """Return which objects (G,) are to be found: no crowds, by VOC no difficult ones either."""
    passed_over = ground_truth.crowd
    if protocol in ("voc2007", "voc"):
        passed_over = passed_over | ground_truth.difficult
    return ~passed_over


def count_asked_for(ground_truth: GroundTruth, blacklist: Blacklist, protocol: Protocol) -> int:
    """Return how many objects, of whatever class, are to be found."""
    columns = (ground_truth.image_indices, ground_truth.class_ids)
    counting = _counting(*columns, np.unique(ground_truth.class_ids).tolist(), blacklist)
    return int(np.count_nonzero(counting & is_asked_for(ground_truth, protocol)))


def _counting(
    image_indices: IntArray,
    class_ids: IntArray,
    wanted: Collection[int],
    blacklist: Blacklist,
) -> BoolArray:
    """Return which rows (N,) are of a wanted class and not on the blacklist."""
    counting = np.isin(class_ids, list(wanted))
    if not blacklist:
        return counting
    listed = np.array(sorted(blacklist), dtype=np.int64)  # (B, 2)
    # One number a pair; the stride exceeds every class id, so that no two pairs share one.
    stride = 1 + max(int(ids.max()) for ids in (class_ids, listed[:, 1]) if len(ids))
    pairs = image_indices * stride + class_ids
    return counting & ~np.isin(pairs, listed[:, 0] * stride + listed[:, 1])
