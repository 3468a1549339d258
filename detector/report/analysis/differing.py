"""The images on which two detectors differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detector.classes import ObjectClass
from detector.report.analysis.operating_point import best_f1
from detector.scoring.evaluation import Evaluation
from detector.scoring.protocols import score_outcomes
from detector.scoring.records import IntArray


@dataclass(frozen=True)
class ImageDifference:
    """What two detectors make of an image, each from the best F1 of its classes on.

    Attributes
    ----------
    image : int
        Index of the image.
    objects : int
    found : (int, int)
        Objects that the first and the second find.
    false : (int, int)
        Detections of the first and the second that find none.
    more_found, more_false : mapping of ObjectClass to int
        What the second has more, by class; only of classes in which they differ.
    """

    image: int
    objects: int
    found: tuple[int, int]
    false: tuple[int, int]
    more_found: Mapping[ObjectClass, int]
    more_false: Mapping[ObjectClass, int]

    @property
    def gain(self) -> int:
        """Objects that the second finds more, and false detections that it has fewer."""
        return self.found[1] - self.found[0] - (self.false[1] - self.false[0])


def differing_images(
    first: Evaluation, second: Evaluation, classes: Sequence[ObjectClass], most: int
) -> tuple[list[ImageDifference], list[ImageDifference]]:
    """Return the images on which the second does better, and those on which it does worse.

    Parameters
    ----------
    first, second : Evaluation
        Of the same images and objects (`check_comparable`).
    classes : sequence of ObjectClass
        Those that both have, as the first has them.
    most : int
        Images of each list, those that differ most first; of equal ones the earlier.
    """
    counts = [_counts(one, classes) for one in (first, second)]  # of (found, false), each (C, I)
    more_found, more_false = (two - one for one, two in zip(*counts, strict=True))
    gains = (more_found - more_false).sum(axis=0)  # (I,)
    order = np.argsort(-gains, kind="stable")
    better = [image for image in order[:most].tolist() if gains[image] > 0]
    order = np.argsort(gains, kind="stable")
    worse = [image for image in order[:most].tolist() if gains[image] < 0]
    objects = np.bincount(
        first.outcomes.object_image_indices[
            np.isin(first.outcomes.object_class_ids, [one.id for one in classes])
        ],
        minlength=first.outcomes.image_count,
    )

    def described(image: int) -> ImageDifference:
        found, false = ([int(one[k][:, image].sum()) for one in counts] for k in (0, 1))
        return ImageDifference(
            image=image,
            objects=int(objects[image]),
            found=(found[0], found[1]),
            false=(false[0], false[1]),
            more_found=_by_class(classes, more_found[:, image]),
            more_false=_by_class(classes, more_false[:, image]),
        )

    return [described(image) for image in better], [described(image) for image in worse]


def _counts(evaluation: Evaluation, classes: Sequence[ObjectClass]) -> tuple[IntArray, IntArray]:
    """Return how many detections (C, I) of each class and image find an object, and how many not.

    Those count whose score is that of the best F1 of their class, or more.
    """
    ids = {one.key: one.id for one in evaluation.classes}
    wanted = [ids[one.key] for one in classes]
    outcomes = evaluation.outcomes
    found = np.zeros((len(wanted), outcomes.image_count), np.int64)
    false = np.zeros_like(found)
    for place, (class_id, curve) in enumerate(score_outcomes(outcomes, wanted).curves.items()):
        point = best_f1(curve)
        if point is None:
            continue
        rows = (outcomes.class_ids == class_id) & (outcomes.scores >= point.score)
        for counts, which in ((found, outcomes.found), (false, ~outcomes.found)):
            images = outcomes.image_indices[rows & which]
            counts[place] = np.bincount(images, minlength=outcomes.image_count)
    return found, false


def _by_class(classes: Sequence[ObjectClass], more: IntArray) -> dict[ObjectClass, int]:
    return {one: number for one, number in zip(classes, more.tolist(), strict=True) if number}
