"""What a report says about where its figures come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.scoring.coco import CocoResult
from detector.scoring.comparison import Comparison
from detector.scoring.evaluation import Evaluation
from proposals.evaluation.bootstrap import Interval


@dataclass(frozen=True, eq=False)
class Facts:
    """Of one report; the attributes are those of `ReportInput`."""

    classes: tuple[ObjectClass, ...]
    annotations: Mapping[int, ImageAnnotation]
    mean_ap: Interval
    coco: CocoResult | None
    scored: str
    command: str
    date: datetime
    skipped: tuple[str, ...]

    @property
    def headline(self) -> float:
        """The figure that heads the page: COCO's AP by its rules, the mAP by others."""
        return self.mean_ap.estimate if self.coco is None else self.coco.mean_ap

    def name_of(self, class_id: int) -> str:
        """Return the name of a class that is scored, with spaces."""
        names = {one.id: one.name.replace("_", " ") for one in self.classes}
        return names[class_id]


@dataclass(frozen=True, eq=False)
class ComparisonFacts:
    """What a page on two detectors is made of.

    Attributes
    ----------
    names : (str, str)
        What the first and the second are called: their files.
    evaluations : (Evaluation, Evaluation)
    comparison : Comparison
        What the second has more.
    command : str
        How the page was asked for.
    date : datetime
    pictures : mapping of str to Path
        Where pictures lie, by the name of the image. Those on which the two differ most are
        shown; of others nobody looks whether they are there.
    """

    names: tuple[str, str]
    evaluations: tuple[Evaluation, Evaluation]
    comparison: Comparison
    command: str
    date: datetime
    pictures: Mapping[str, Path] = field(default_factory=dict)
