"""Precision against recall of each class, and the average precision by each protocol's rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan
from types import MappingProxyType
from typing import Final

import numpy as np

from detector.scoring.outcomes import Protocol
from detector.scoring.records import BoolArray, DoubleArray

RECALL_LEVELS: Final[Mapping[Protocol, DoubleArray]] = MappingProxyType(
    {
        "ilsvrc": np.zeros(0),
        "voc2007": np.arange(11) / 10,
        "voc": np.zeros(0),
        "coco": np.linspace(0, 1, 101),  # as pycocotools makes them, to the last bit
    }
)
"""Levels of recall at which a protocol reads the precision; none where it takes the area."""


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """How precision falls as recall grows in one class.

    Attributes
    ----------
    objects : int
        Objects there are to find.
    scores : (D,) float64
        Of the detections, descending.
    precision : (D,) float64
        Share of the first 1, 2, ... D detections that find an object.
    recall : (D,) float64
        Share of the objects that those find; nan where there are no objects.
    protocol : Protocol
        By whose rule the average precision is taken.
    """

    objects: int
    scores: DoubleArray
    precision: DoubleArray
    recall: DoubleArray
    protocol: Protocol = "ilsvrc"

    @property
    def detections(self) -> int:
        """Number of detections that count."""
        return len(self.scores)

    @property
    def average_precision(self) -> float:
        """What the curve is worth, 0-1; nan for a class without objects."""
        if not self.objects:
            return nan
        return average_precision(self.precision, self.recall, RECALL_LEVELS[self.protocol])


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


def precision_recall(
    scores: DoubleArray, found: BoolArray, objects: int, protocol: Protocol = "ilsvrc"
) -> PrecisionRecall:
    """Return the curve of detections of one class.

    Parameters
    ----------
    scores : (D,) float64
        In any order; of equal scores the earlier row comes first.
    found : (D,) bool
        Whether each detection finds an object.
    objects : int
        Objects there are to find.
    protocol : Protocol
        By whose rule the average precision is taken.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(found[order], dtype=np.int64)  # (D,)
    recall = hits / objects if objects else np.full(len(hits), nan)
    counts = np.arange(1.0, len(hits) + 1)
    if protocol == "coco":
        counts += np.spacing(1)  # as in pycocotools; it is felt in the last bit of a first hit
    return PrecisionRecall(objects, scores[order], hits / counts, recall, protocol)


def average_precision(
    precision: DoubleArray, recall: DoubleArray, levels: DoubleArray = RECALL_LEVELS["ilsvrc"]
) -> float:
    """Return the average of the monotone precision envelope.

    Parameters
    ----------
    precision, recall : (D,) float64
        By descending score, so that ``recall`` never falls.
    levels : (L,) float64
        Recalls at which the envelope is read, ascending: each counts as much, and those never
        reached as 0. Without any, the area under it is taken, at every step of recall
        (VOCap.m of the devkits of ILSVRC and of VOC 2010 and later).
    """
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    if len(levels) == 0:
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
    reached = np.searchsorted(recall, levels)  # (L,) first place of each level
    return float(np.mean(np.append(envelope, 0.0)[reached]))
