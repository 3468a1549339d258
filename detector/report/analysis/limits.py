"""What a score is when only the first detections count, or those of the first proposals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

from detector.report.analysis.matches import Matches, ranks_within
from detector.scoring.records import IntArray, Predictions

COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class LimitedScore:
    """The score of the detections whose rank in their image is below ``count``.

    Attributes
    ----------
    count : int
    mean_ap : float
    recall : float
        Share of all objects, of whatever class, that those find; nan without objects.
    """

    count: int
    mean_ap: float
    recall: float


Matcher = Callable[[Predictions], Matches]
"""Matches some of the detections with all of the objects."""


def ranks_by_score(predictions: Predictions) -> IntArray:
    """Return the place (D,) of each detection in its image, best first, from 0.

    All classes together; of equal scores the earlier row comes first.
    """
    return ranks_within(predictions.image_indices, predictions.scores)


def score_limited(
    predictions: Predictions, ranks: IntArray, counts: Iterable[int], match: Matcher
) -> list[LimitedScore]:
    """Score the detections of ranks below each count; they are matched anew."""
    scores = []
    for count in counts:
        matches = match(predictions.where(ranks < count))
        objects = len(matches.ground_truth)
        recall = float(matches.object_found.mean()) if objects else nan
        scores.append(LimitedScore(count, matches.score.mean_ap, recall))
    return scores


def useful_counts(ranks: IntArray, counts: Sequence[int] = COUNTS) -> list[int]:
    """Return the counts that leave some out, up to near all, and the one that leaves out none."""
    all_of_them = int(ranks.max()) + 1 if len(ranks) else 0
    return [*(count for count in counts if count <= 0.9 * all_of_them), all_of_them]
