"""What a report says about where its figures come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.scoring.coco import CocoResult
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
