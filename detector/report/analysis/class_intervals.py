"""How far the average precision of each class would move with other images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from detector.report.analysis.matches import Matches
from detector.scoring.bootstrap import bootstrap_classes, percentile_interval
from proposals.evaluation.bootstrap import Interval

SEED: Final = 0


def class_intervals(matches: Matches, images: Iterable[int]) -> Mapping[int, Interval]:
    """Return the AP of each class that has objects, with its 95 % interval, by class id.

    Sets of images are drawn with replacement as for the mAP.

    Parameters
    ----------
    matches : Matches
    images : iterable of int
        Indices of all images that were looked at.
    """
    outcomes = matches.outcomes().renumbered(np.array(sorted(images), np.int64))
    curves = {i: curve for i, curve in matches.score.curves.items() if curve.objects}
    if not curves:
        return {}
    drawn = bootstrap_classes(outcomes, curves, seed=SEED)
    return {
        class_id: percentile_interval(curve.average_precision, aps)
        for (class_id, curve), aps in zip(curves.items(), drawn, strict=True)
    }
