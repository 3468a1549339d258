"""What kind of error each false positive and each miss is, and what each kind costs.

The kinds are those of TIDE (Bolya et al., «TIDE: A General Toolbox for Identifying Object
Detection Errors», ECCV 2020), which grew out of Hoiem et al., ECCV 2012. A detection that takes
no object is, by the first of these that holds, an error of

localisation
    its best object of its own class has an IoU from 0.1 up to below the object's threshold;
confusion
    an object of another class has an IoU of at least that object's threshold;
duplicate
    an object of its own class has, which another detection took;
background
    no object has an IoU above 0.1;
both
    all others: of the wrong class, and too far off.

An object is missed when no detection takes it, and none of localisation or confusion is about it.

The cost of a kind (dAP in TIDE) is what the mAP gains when the errors of this kind alone are
repaired, and all else stays. Of the errors of localisation or confusion that are about an object
that nobody took, the one with the highest score becomes one that finds it, in the object's class
and with its score as it was; all other false positives of the kind are removed. Missed objects
are no longer asked for. No repair lowers an average precision; but costs do not add up to what
the mAP lacks, since behind an error that is repaired others remain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from detector.report.analysis.matches import Matches
from detector.report.analysis.pairs import NO_OBJECT, ImagePairs, pairs_by_image
from detector.scoring.outcomes import Outcomes
from detector.scoring.protocols import score_outcomes
from detector.scoring.records import BoolArray, DoubleArray, IntArray

BACKGROUND_IOU: Final = 0.1
"""Up to this IoU a detection has nothing to do with an object (t_b in TIDE)."""

FalsePositive = Literal["localisation", "confusion", "both", "duplicate", "background"]
ErrorKind = Literal[
    "localisation",
    "confusion",
    "both",
    "duplicate",
    "background",
    "missed",
    "all false positives",
    "all objects not found",
]
FALSE_POSITIVES: Final[tuple[FalsePositive, ...]] = get_args(FalsePositive)
ERROR_KINDS: Final[tuple[ErrorKind, ...]] = get_args(ErrorKind)
TOTALS: Final[tuple[ErrorKind, ...]] = ("all false positives", "all objects not found")
"""Those of them that are no kinds of their own: they hold others."""
_NONE: Final = -1


@dataclass(frozen=True, eq=False)
class Errors:
    """The errors among D detections and G objects, by the rows of their `Matches`.

    Attributes
    ----------
    kinds : (D,) int8
        Place in `FALSE_POSITIVES`; -1 for a detection that finds an object.
    about : (D,) int64
        Row of the object that a false positive is an error about: of those that make it one of
        its kind, the one with the highest IoU; of kind "both", the one with the highest IoU.
        -1 for background, and for a detection that finds an object.
    ious : (D,) float64
        IoU of a false positive with the object that it is about; 0 for others.
    missed : (G,) bool
        Objects that nothing takes and no error of localisation or confusion is about.
    """

    kinds: NDArray[np.int8]
    about: IntArray
    ious: DoubleArray
    missed: BoolArray

    def of_kind(self, kind: FalsePositive) -> BoolArray:
        """Return which detections (D,) are false positives of a kind."""
        chosen: BoolArray = self.kinds == FALSE_POSITIVES.index(kind)
        return chosen


def find_errors(matches: Matches) -> Errors:
    """Return the kind of every false positive, and which objects are missed."""
    kinds = np.full(len(matches.predictions), _NONE, np.int8)
    about = np.full(len(matches.predictions), NO_OBJECT, np.int64)
    ious = np.zeros(len(matches.predictions))
    false, objects = np.flatnonzero(~matches.found), np.arange(len(matches.ground_truth))
    for pairs in pairs_by_image(matches.predictions, matches.ground_truth, false, objects):
        rows = pairs.detections
        kinds[rows], about[rows], ious[rows] = _judge(matches, pairs)
    missed = ~matches.object_found
    repairable = [FALSE_POSITIVES.index(kind) for kind in ("localisation", "confusion")]
    missed[about[np.isin(kinds, repairable)]] = False
    return Errors(kinds, about, ious, missed)


def error_counts(errors: Errors) -> dict[ErrorKind, int]:
    """Return how many errors there are of each kind that is counted by itself."""
    counts: dict[ErrorKind, int] = {k: int(errors.of_kind(k).sum()) for k in FALSE_POSITIVES}
    counts["missed"] = int(errors.missed.sum())
    return counts


def error_costs(matches: Matches, errors: Errors) -> Mapping[ErrorKind, float]:
    """Return what the mAP (0-1) gains when one kind of errors is repaired, by kind.

    The mean stays that over the same classes: one of which no object is asked for any more has
    an AP of 0 in it, as in TIDE. nan where no class has objects.
    """
    before = matches.score.mean_ap
    return {
        kind: _mean_ap(matches, repaired(matches, errors, kind)) - before for kind in ERROR_KINDS
    }


def repaired(matches: Matches, errors: Errors, kind: ErrorKind) -> Outcomes:
    """Return what would have been decided without the errors of a kind (see the module)."""
    outcomes = matches.outcomes()
    if kind == "missed":
        return _without_objects(outcomes, errors.missed)
    if kind == "all objects not found":
        return _without_objects(outcomes, ~matches.object_found)
    if kind == "all false positives":
        return _with_detections(outcomes, matches.found)
    wrong = errors.of_kind(kind)
    if kind not in ("localisation", "confusion"):
        return _with_detections(outcomes, ~wrong)
    mended = _best_about_each(matches, errors.about, np.flatnonzero(wrong))
    found, class_ids = outcomes.found.copy(), outcomes.class_ids.copy()
    found[mended] = True
    class_ids[mended] = matches.ground_truth.class_ids[errors.about[mended]]
    return _with_detections(replace(outcomes, found=found, class_ids=class_ids), ~wrong | found)


def _judge(matches: Matches, pairs: ImagePairs) -> tuple[NDArray[np.int8], IntArray, DoubleArray]:
    """Return kind, object and IoU with it, each (d,), of the false positives of one image."""
    kinds = np.full(len(pairs.detections), FALSE_POSITIVES.index("background"), np.int8)
    about = np.full(len(pairs.detections), NO_OBJECT, np.int64)
    overlaps = np.zeros(len(pairs.detections))
    if len(pairs.objects) == 0:
        return kinds, about, overlaps
    ious = pairs.ious  # (d, g)
    own = (
        matches.predictions.class_ids[pairs.detections][:, None]
        == matches.ground_truth.class_ids[pairs.objects]
    )  # (d, g)
    reached = (ious > 0) & (ious >= matches.thresholds[pairs.objects])  # (d, g)
    near = ious >= BACKGROUND_IOU
    # By precedence; of each: which pairs make it so.
    cases: tuple[tuple[FalsePositive, BoolArray], ...] = (
        ("localisation", own & near & ~(own & reached).any(axis=1, keepdims=True)),
        ("confusion", ~own & reached),
        ("duplicate", own & reached),
        ("both", ious > BACKGROUND_IOU),
    )
    for kind, makes_it in reversed(cases):
        chosen = makes_it.any(axis=1)
        best = np.where(makes_it, ious, -1).argmax(axis=1)
        kinds[chosen] = FALSE_POSITIVES.index(kind)
        about[chosen] = pairs.objects[best[chosen]]
        overlaps[chosen] = ious[chosen, best[chosen]]
    return kinds, about, overlaps


def _best_about_each(matches: Matches, about: IntArray, rows: IntArray) -> IntArray:
    """Return of these detections the best about each object that nobody took."""
    rows = rows[~matches.object_found[about[rows]]]
    rows = rows[np.argsort(-matches.predictions.scores[rows], kind="stable")]
    return rows[np.unique(about[rows], return_index=True)[1]]


def _with_detections(outcomes: Outcomes, keep: BoolArray) -> Outcomes:
    return replace(
        outcomes,
        image_indices=outcomes.image_indices[keep],
        class_ids=outcomes.class_ids[keep],
        scores=outcomes.scores[keep],
        found=outcomes.found[keep],
    )


def _without_objects(outcomes: Outcomes, drop: BoolArray) -> Outcomes:
    return replace(
        outcomes,
        object_image_indices=outcomes.object_image_indices[~drop],
        object_class_ids=outcomes.object_class_ids[~drop],
    )


def _mean_ap(matches: Matches, outcomes: Outcomes) -> float:
    """Return the mean over the classes that have objects before any repair."""
    aps = score_outcomes(outcomes, matches.class_ids).ap_by_class
    asked = [c for c, curve in matches.score.curves.items() if curve.objects]
    return sum(0.0 if isnan(aps[c]) else aps[c] for c in asked) / len(asked) if asked else nan
