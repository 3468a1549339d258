"""Mean average precision of ILSVRC DET."""

from __future__ import annotations

from collections.abc import Iterable

from detector.scoring.average_precision import Score
from detector.scoring.protocols import match, score_outcomes
from detector.scoring.records import Blacklist, GroundTruth, Predictions

__all__ = ["Score", "score"]


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
    wanted = tuple(class_ids)
    indices = (ground_truth.image_indices, predictions.image_indices)
    outcomes = match(
        ground_truth,
        predictions,
        wanted,
        blacklist,
        protocol="ilsvrc",
        image_count=1 + max((int(one.max()) for one in indices if len(one)), default=0),
    )
    return score_outcomes(outcomes, wanted)
