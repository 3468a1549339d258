"""Precision against recall of one class, and the area under it (VOCap.m of the devkit)."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from detector.scoring.records import BoolArray, DoubleArray


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
    """

    objects: int
    scores: DoubleArray
    precision: DoubleArray
    recall: DoubleArray

    @property
    def detections(self) -> int:
        """Number of detections that count."""
        return len(self.scores)

    @property
    def average_precision(self) -> float:
        """Area under the curve; nan for a class without objects."""
        return average_precision(self.precision, self.recall) if self.objects else nan


def precision_recall(scores: DoubleArray, found: BoolArray, objects: int) -> PrecisionRecall:
    """Return the curve of detections of one class.

    Parameters
    ----------
    scores : (D,) float64
        In any order; of equal scores the earlier row comes first.
    found : (D,) bool
        Whether each detection finds an object.
    objects : int
        Objects there are to find.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(found[order], dtype=np.int64)  # (D,)
    recall = hits / objects if objects else np.full(len(hits), nan)
    return PrecisionRecall(objects, scores[order], hits / np.arange(1, len(hits) + 1), recall)


def average_precision(precision: DoubleArray, recall: DoubleArray) -> float:
    """Return the area under the monotone precision envelope, taken at every step of recall.

    Parameters
    ----------
    precision, recall : (D,) float64
        By descending score, so that ``recall`` never falls.
    """
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
