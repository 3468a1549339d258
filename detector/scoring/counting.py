"""Which objects and detections a protocol looks at, before any are matched."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from detector.scoring.records import Blacklist, BoolArray, GroundTruth, IntArray, Predictions


def counting_rows(
    ground_truth: GroundTruth,
    predictions: Predictions,
    wanted: Collection[int],
    blacklist: Blacklist,
) -> tuple[GroundTruth, Predictions]:
    """Return the objects and detections of wanted classes that are not on the blacklist."""
    objects = _counting(ground_truth.image_indices, ground_truth.class_ids, wanted, blacklist)
    detections = _counting(predictions.image_indices, predictions.class_ids, wanted, blacklist)
    return ground_truth.where(objects), predictions.where(detections)


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
