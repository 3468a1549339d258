"""The score from which on a class's detections are taken for real where a choice must be made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.scoring.average_precision import PrecisionRecall


@dataclass(frozen=True)
class OperatingPoint:
    """Detections of ``score`` or more, their precision and recall, and the mean of the two (F1)."""

    score: float
    precision: float
    recall: float
    f1: float


def best_f1(curve: PrecisionRecall) -> OperatingPoint | None:
    """Return the point of a curve with the highest F1; of equal ones that of the higher score.

    F1 is the harmonic mean of precision and recall. None where no score gives an F1 above 0.
    Detections of equal score stand on the same side of any threshold.
    """
    if not curve.objects or not curve.detections:
        return None
    last_of_score = np.append(curve.scores[1:] != curve.scores[:-1], True)
    hits = curve.recall * curve.objects
    f1 = 2 * hits / (np.arange(1, curve.detections + 1) + curve.objects)
    best = int(np.where(last_of_score, f1, -1).argmax())
    if f1[best] <= 0:
        return None
    return OperatingPoint(
        score=float(curve.scores[best]),
        precision=float(curve.precision[best]),
        recall=float(curve.recall[best]),
        f1=float(f1[best]),
    )
