"""What was scored by whose rules, and what every detection found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.classes import ObjectClass
from detector.scoring.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Detections that were scored, with the names of images and classes.

    Attributes
    ----------
    name : str
        Of what was scored: a file of predictions or of weights.
    outcomes : Outcomes
    classes : tuple of ObjectClass
        Those that were scored.
    image_ids : tuple of str
        Names of the images, by image index.

    Raises
    ------
    ValueError
        If an image name, class id or class stands twice, there is not one name an image, or an
        outcome is of a class that was not scored.
    """

    name: str
    outcomes: Outcomes
    classes: tuple[ObjectClass, ...]
    image_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.image_ids) != self.outcomes.image_count:
            raise ValueError(
                f"image_ids must be {self.outcomes.image_count}, one an image, but got"
                f" {len(self.image_ids)}"
            )
        ids = [one.id for one in self.classes]
        _check_once(self.image_ids, "image name")
        _check_once(ids, "class id")
        _check_once([one.key for one in self.classes], "class")
        for class_ids in (self.outcomes.class_ids, self.outcomes.object_class_ids):
            if len(strange := np.setdiff1d(class_ids, ids)):
                raise ValueError(
                    f"outcomes must be of the classes that were scored, but got {strange[0]}"
                )


def _check_once(values: Sequence[int | str], what: str) -> None:
    seen: set[int | str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"each {what} must stand once, but '{value}' stands twice")
        seen.add(value)
