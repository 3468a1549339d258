"""Average precision of small, medium and large objects, after COCO.

Matching is done once, among objects of all sizes. For a size, only its objects are asked for.
Detections that take an object of another size are left out, and so are false positives whose own
box is of another size: neither can be blamed on this one. COCO differs in that it matches anew
for each size, and lets a detection prefer an object of that size to a better one of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detector.report.analysis.matches import Matches, renumbered
from detector.scoring.average_precision import Score
from proposals.evaluation.coverage import SIZES, of_size


@dataclass(frozen=True, eq=False)
class SizeScore:
    """What the detections are worth on objects of one size.

    Attributes
    ----------
    low, high : float
        Areas of those objects, in square pixels: from ``low`` on, below ``high``.
    objects, found : int
        Objects of that size, and how many of them are found.
    score : Score
    """

    low: float
    high: float
    objects: int
    found: int
    score: Score


def score_by_size(matches: Matches) -> Mapping[str, SizeScore]:
    """Score each of COCO's sizes by itself; the size of an object is that of its ``areas``."""
    return {name: _score_size(matches, name) for name in SIZES}


def _score_size(matches: Matches, size: str) -> SizeScore:
    objects = of_size(matches.ground_truth.areas, size)
    sides = matches.predictions.boxes_xyxy[:, 2:].astype(np.float64)
    sides -= matches.predictions.boxes_xyxy[:, :2]
    own_size = of_size(sides.prod(axis=1), size)  # (D,)
    # The last element stands for what takes no object, whose row is -1.
    of_its_object = np.append(objects, False)[matches.taken]
    detections = np.where(matches.found, of_its_object, own_size)
    part = Matches(
        protocol=matches.protocol,
        image_count=matches.image_count,
        class_ids=matches.class_ids,
        ground_truth=matches.ground_truth.where(objects),
        predictions=matches.predictions.where(detections),
        taken=renumbered(matches.taken[detections], np.flatnonzero(objects)),
    )
    found = int(part.found.sum())
    return SizeScore(*SIZES[size], objects=len(part.ground_truth), found=found, score=part.score)
