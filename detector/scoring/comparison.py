"""Whether one detector is better than another on the same images, by paired bootstrap.

Images are drawn with replacement, the same ones for both. An image that is hard is so for both,
and drops out of the difference: its interval is narrower than those of the two mAPs would let
one think.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Final, Literal

import numpy as np

from detector.classes import ObjectClass
from detector.scoring.bootstrap import bootstrap_classes, mean_of_known, percentile_interval
from detector.scoring.evaluation import Evaluation
from detector.scoring.outcomes import Outcomes
from detector.scoring.protocols import score_outcomes
from detector.scoring.records import DoubleArray, IntArray
from proposals.evaluation.bootstrap import Interval

Verdict = Literal["better", "worse", "undecided"]

FEWEST_IMAGES: Final = 6
"""With objects. Of five, all change in one direction by luck once in 16 times."""

_DIGITS: Final = 9  # of points, after the decimal point


@dataclass(frozen=True)
class Change:
    """From one average precision, or mean of some, to another.

    Attributes
    ----------
    first, second : float
        0-1; nan without objects.
    points : Interval
        What the second has more, times 100, with its 95 % interval.
    better : int
        Bootstrap resamples in which the second has more.
    resamples : int
        Bootstrap resamples that hold an object.
    images : int
        Images that hold an object.
    """

    first: float
    second: float
    points: Interval
    better: int
    resamples: int
    images: int

    @property
    def verdict(self) -> Verdict:
        """Say what the second is: better or worse if the interval keeps off 0.

        Where fewer than `FEWEST_IMAGES` images hold an object, nothing is decided.
        """
        points = self.points
        if self.images < FEWEST_IMAGES:
            return "undecided"
        if points.estimate > 0 and points.low > 0:
            return "better"
        return "worse" if points.estimate < 0 and points.high < 0 else "undecided"


@dataclass(frozen=True)
class Comparison:
    """What a second evaluation has more than a first.

    Attributes
    ----------
    mean_ap : Change
        Over the classes that both have.
    by_class : dict of ObjectClass to Change
        Of those, in the first one's order.
    left_out : tuple of ObjectClass
        Classes that one of the two lacks.
    """

    mean_ap: Change
    by_class: dict[ObjectClass, Change]
    left_out: tuple[ObjectClass, ...]


@dataclass(frozen=True, eq=False)
class Resampled:
    """An evaluation with its average precisions on bootstrap resamples of the images.

    Attributes
    ----------
    evaluation : Evaluation
    ap_by_key : dict of str to float
        On the images as they are, by `ObjectClass.key`.
    resampled_by_key : dict of str to (resamples,) float64 array
        On each resample; nan where it holds no object.
    """

    evaluation: Evaluation
    ap_by_key: dict[str, float]
    resampled_by_key: dict[str, DoubleArray]


def resample(evaluation: Evaluation, *, seed: int, resamples: int = 1000) -> Resampled:
    """Work out every class's average precision on images drawn with replacement.

    The same seed draws the same images from evaluations of as many.
    """
    ids = [one.id for one in evaluation.classes]
    precisions = score_outcomes(evaluation.outcomes, ids).ap_by_class
    resampled = bootstrap_classes(evaluation.outcomes, ids, seed=seed, resamples=resamples)
    keys = [one.key for one in evaluation.classes]
    return Resampled(
        evaluation,
        dict(zip(keys, precisions.values(), strict=True)),
        dict(zip(keys, resampled, strict=True)),
    )


def compare(first: Resampled, second: Resampled) -> Comparison:
    """Compare two evaluations that were resampled with one seed.

    Raises
    ------
    ValueError
        As from `check_comparable`.
    """
    common = check_comparable(first.evaluation, second.evaluation)
    by_class = {
        one: _change(
            first.ap_by_key[one.key],
            second.ap_by_key[one.key],
            first.resampled_by_key[one.key],
            second.resampled_by_key[one.key],
            _images_with(first.evaluation.outcomes, [one]),
        )
        for one in common
    }
    mean_ap = _change(
        _known_mean([one.first for one in by_class.values()]),
        _known_mean([one.second for one in by_class.values()]),
        mean_of_known(np.stack([first.resampled_by_key[one.key] for one in common])),
        mean_of_known(np.stack([second.resampled_by_key[one.key] for one in common])),
        _images_with(first.evaluation.outcomes, common),
    )
    return Comparison(mean_ap, by_class, _of_one_only(first.evaluation, second.evaluation))


def check_comparable(first: Evaluation, second: Evaluation) -> tuple[ObjectClass, ...]:
    """Return the classes that both have.

    Raises
    ------
    ValueError
        If the two are of different protocols or images, have no class in common, or a class
        has other objects in the one than in the other, or none of them has any; says what
        differs and the remedy.
    """
    if first.outcomes.protocol != second.outcomes.protocol:
        raise ValueError(
            f"scored by the rules of {second.outcomes.protocol}, the first by those of"
            f" {first.outcomes.protocol}: score both with one --protocol"
        )
    _check_images(first.image_ids, second.image_ids)
    by_key = {one.key: one for one in second.classes}
    common = tuple(one for one in first.classes if one.key in by_key)
    objects = 0
    for one in common:
        of_first = _object_images(first.outcomes, one.id)
        of_second = _object_images(second.outcomes, by_key[one.key].id)
        if not np.array_equal(of_first, of_second):
            raise ValueError(
                f"of {one.name}, {len(of_second)} objects are asked for, of the first"
                f" {len(of_first)}, or they stand in other images: score both against the same"
                " annotations and blacklist"
            )
        objects += len(of_first)
    if objects == 0:
        raise ValueError(
            "no class that the first has, too, has an object: score classes in common (--classes)"
        )
    return common


def _check_images(first: Sequence[str], second: Sequence[str]) -> None:
    if first == second:
        return
    remedy = "score both on one split with the same --every"
    strange = set(second).symmetric_difference(first)
    if not strange:
        raise ValueError(f"of the images of the first, but in another order: {remedy}")
    raise ValueError(
        f"of {len(second)} images, the first of {len(first)}, and {len(strange)} are of one of"
        f" them only, such as '{min(strange)}': {remedy}"
    )


def _object_images(outcomes: Outcomes, class_id: int) -> IntArray:
    """Return the image of each object of a class, ascending."""
    return np.sort(outcomes.object_image_indices[outcomes.object_class_ids == class_id])


def _images_with(outcomes: Outcomes, classes: Iterable[ObjectClass]) -> int:
    """Return how many images hold an object of these classes."""
    of_classes = np.isin(outcomes.object_class_ids, [one.id for one in classes])
    return len(np.unique(outcomes.object_image_indices[of_classes]))


def _of_one_only(first: Evaluation, second: Evaluation) -> tuple[ObjectClass, ...]:
    keys = [{one.key for one in evaluation.classes} for evaluation in (first, second)]
    return tuple(
        one for one in (*first.classes, *second.classes) if one.key not in keys[0] & keys[1]
    )


def _change(
    first: float,
    second: float,
    first_resampled: DoubleArray,
    second_resampled: DoubleArray,
    images: int,
) -> Change:
    # Rounded, as equal means of other numbers differ in their last bits: that is no gain.
    gains = np.round(100 * (second_resampled - first_resampled), _DIGITS)
    return Change(
        first,
        second,
        percentile_interval(round(100 * (second - first), _DIGITS), gains),
        better=int(np.count_nonzero(gains > 0)),
        resamples=int(np.count_nonzero(~np.isnan(gains))),
        images=images,
    )


def _known_mean(values: Iterable[float]) -> float:
    known = [value for value in values if not isnan(value)]
    return sum(known) / len(known) if known else nan
