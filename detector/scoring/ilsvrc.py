"""Mean average precision of ILSVRC DET."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from detector.scoring.average_precision import PrecisionRecall, precision_recall
from detector.scoring.matching import find_objects
from detector.scoring.records import Blacklist, BoolArray, GroundTruth, IntArray, Predictions


@dataclass(frozen=True)
class Score:
    """What a set of predictions is worth.

    Attributes
    ----------
    curves : dict of int to PrecisionRecall
        The curve of each class asked for, by class id, in the order in which they were asked.
    """

    curves: dict[int, PrecisionRecall]

    @property
    def ap_by_class(self) -> dict[int, float]:
        """Average precision (0-1) by class id; nan for a class without objects."""
        return {class_id: curve.average_precision for class_id, curve in self.curves.items()}

    @property
    def classes_without_objects(self) -> tuple[int, ...]:
        """Class ids that the mean leaves out."""
        return tuple(class_id for class_id, curve in self.curves.items() if not curve.objects)

    @property
    def mean_ap(self) -> float:
        """Mean of the average precision of the classes with objects; nan if there is none."""
        known = [ap for ap in self.ap_by_class.values() if not isnan(ap)]
        return sum(known) / len(known) if known else nan


def score(
    ground_truth: GroundTruth,
    predictions: Predictions,
    class_ids: Iterable[int],
    blacklist: Blacklist = frozenset(),
) -> Score:
    """Score predictions by the rules of ILSVRC DET (eval_detection.m and VOCap.m of the devkit).

    Between detections of equal score, the one that comes first in ``predictions`` goes first.

    Parameters
    ----------
    ground_truth : GroundTruth
    predictions : Predictions
        Of the same images. There is no cap on their number.
    class_ids : iterable of int
        The classes to score; detections and objects of others are ignored.
    blacklist : frozenset of (image index, class id)
        There, detections count neither way, and objects are not asked for.
    """
    wanted = tuple(dict.fromkeys(class_ids))
    ground_truth, predictions = counting_rows(ground_truth, predictions, wanted, blacklist)
    found = find_objects(ground_truth, predictions)
    by_class = np.argsort(predictions.class_ids, kind="stable")
    sorted_ids = predictions.class_ids[by_class]
    curves: dict[int, PrecisionRecall] = {}
    for class_id in wanted:
        start, stop = np.searchsorted(sorted_ids, [class_id, class_id + 1])
        rows = by_class[start:stop]
        objects = int(np.count_nonzero(ground_truth.class_ids == class_id))
        curves[class_id] = precision_recall(predictions.scores[rows], found[rows], objects)
    return Score(curves)


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
    listed = np.array(sorted(blacklist), dtype=np.int64).reshape(-1, 2)
    # One number a pair; the stride exceeds every class id, so that no two pairs share one.
    stride = 1 + max((int(ids.max()) for ids in (class_ids, listed[:, 1]) if len(ids)), default=0)
    pairs = image_indices * stride + class_ids
    return counting & ~np.isin(pairs, listed[:, 0] * stride + listed[:, 1])
