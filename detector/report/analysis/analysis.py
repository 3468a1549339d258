"""All figures of a report, worked out before any of them is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from detector.report.analysis.by_size import SizeScore, score_by_size
from detector.report.analysis.confusion import Confusion
from detector.report.analysis.errors import ErrorKind, Errors, error_costs, find_errors
from detector.report.analysis.limits import (
    LimitedScore,
    Matcher,
    ranks_by_score,
    score_limited,
    useful_counts,
)
from detector.report.analysis.matches import Matches
from detector.report.analysis.occurrences import Occurrences, find_occurrences
from detector.report.analysis.operating_point import OperatingPoint, best_f1
from detector.report.analysis.proposal_reach import BoxesOf, ProposalReach, reach_of_proposals
from detector.scoring.interval import class_ap_intervals
from proposals.evaluation.bootstrap import Interval

LEAST_PROPOSALS = 10
"""Fewer first proposals than this are not looked at."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known about detections: each attribute is the result of one module beside this.

    Attributes
    ----------
    matches : Matches
    errors : Errors
    intervals : mapping of int to Interval
        AP of each class that has objects, with its 95 % interval.
    costs : mapping of ErrorKind to float
        What the mAP gains when one kind is repaired.
    sizes : mapping of str to SizeScore
    operating_points : mapping of int to OperatingPoint
        By class id; only of classes that have one.
    occurrences : Occurrences
        Of the detections from those points on.
    confusion : Confusion
        Their counts.
    by_detections : list of LimitedScore
        When each image has only its first detections.
    reach : ProposalReach or None
        None where the proposals are not at hand.
    by_proposals : list of LimitedScore
        When each image has only the detections of its first proposals; empty where it is not
        known from which proposal a detection comes.
    """

    matches: Matches
    errors: Errors
    intervals: Mapping[int, Interval]
    costs: Mapping[ErrorKind, float]
    sizes: Mapping[str, SizeScore]
    operating_points: Mapping[int, OperatingPoint]
    occurrences: Occurrences
    confusion: Confusion
    by_detections: list[LimitedScore]
    reach: ProposalReach | None
    by_proposals: list[LimitedScore]


def analyse(
    matches: Matches, match: Matcher, images: Collection[int], boxes_of: BoxesOf | None = None
) -> Analysis:
    """Work out all figures.

    Parameters
    ----------
    matches : Matches
        Of all detections.
    match : Matcher
        Matches some of them with the same objects, by the same rules.
    images : collection of int
        Indices of all images that were looked at.
    boxes_of : BoxesOf, optional
        Gives their proposals.
    """
    errors = find_errors(matches)
    found_points = {i: best_f1(curve) for i, curve in matches.score.curves.items()}
    points = {i: point for i, point in found_points.items() if point is not None}
    occurrences = find_occurrences(matches, {i: point.score for i, point in points.items()})
    ranks = ranks_by_score(matches.predictions)
    reach = None if boxes_of is None else reach_of_proposals(matches, images, boxes_of)
    return Analysis(
        matches=matches,
        errors=errors,
        intervals=class_ap_intervals(matches.outcomes(), matches.score),
        costs=error_costs(matches, errors),
        sizes=score_by_size(matches),
        operating_points=points,
        occurrences=occurrences,
        confusion=Confusion(matches.class_ids, occurrences.counts),
        by_detections=score_limited(matches.predictions, ranks, useful_counts(ranks), match),
        reach=reach,
        by_proposals=_by_proposals(matches, match, reach),
    )


def _by_proposals(
    matches: Matches, match: Matcher, reach: ProposalReach | None
) -> list[LimitedScore]:
    if reach is None or not reach.ranks_known or reach.used == 0:
        return []
    counts = [n for n in useful_counts(reach.ranks) if n >= min(LEAST_PROPOSALS, reach.used)]
    return score_limited(matches.predictions, reach.ranks, counts, match)
