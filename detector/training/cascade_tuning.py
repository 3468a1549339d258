"""The threshold of a cascade: as high as a loss that is allowed lets it be."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import NamedTuple

import numpy as np

from detector.cascade import apply_cascade, survivors
from detector.classes import ObjectClass
from detector.config import DetectorConfig
from detector.engines import mean_scores
from detector.scoring import GroundTruth
from detector.training.split_scores import SplitScores

STEP = 0.01
"""Between the thresholds that are tried; the first is 0."""


class Trial(NamedTuple):
    """What a threshold does.

    Attributes
    ----------
    threshold : float
    mean_ap : float
        With the cascade.
    lost : float
        What the mean of all members on every region has more, in points of mAP.
    going_on : float
        Share of the regions that all members score.
    """

    threshold: float
    mean_ap: float
    lost: float
    going_on: float


def try_thresholds(
    split: SplitScores,
    truth: GroundTruth,
    classes: tuple[ObjectClass, ...],
    config: DetectorConfig,
    *,
    allowed: float,
) -> Iterator[Trial]:
    """Yield rising thresholds from 0, up to the last before the first that loses too much.

    A threshold beyond that may lose less again, by chance: it is not looked for.

    Parameters
    ----------
    split : SplitScores
        Of photographs that no result is reported on.
    truth, classes, config
        As in `SplitScores.mean_ap`.
    allowed : float
        Points of mAP that may be lost, 0 or more.

    Raises
    ------
    ValueError
        If ``allowed`` is below 0, or there is no object of the classes.
    """
    if not allowed >= 0:
        raise ValueError(f"the points that may be lost must be 0 or more but got {allowed}")
    exact = split.mean_ap(mean_scores(split.member_scores), truth, classes, config)
    if isnan(exact):
        raise ValueError("the photographs hold no object of the detector's classes: give others")
    for threshold in np.arange(0, 1 + STEP / 2, STEP).round(6).tolist():
        scores = apply_cascade(split.member_scores, threshold)
        mean_ap = split.mean_ap(scores, truth, classes, config)
        lost = 100 * (exact - mean_ap)
        if lost > allowed:
            return
        going_on = float(survivors(split.member_scores[0], threshold).mean())
        yield Trial(threshold, mean_ap, lost, going_on)
