"""The report of a detector, or of two side by side: one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.report.analysis.analysis import Analysis, analyse
from detector.report.analysis.facts import ComparisonFacts, Facts
from detector.report.analysis.matches import Matches, match_rows
from detector.report.page.comparison_page import render_comparison
from detector.report.page.page import render_page
from detector.scoring.coco import CocoResult
from detector.scoring.outcomes import Protocol
from detector.scoring.records import (
    Blacklist,
    FloatArray,
    Predictions,
    gather_ground_truth,
)
from foundation.files import write_text
from proposals.evaluation.bootstrap import Interval
from proposals.storage.proposal_file import ProposalFile

REPORT_NAME = "report.html"


@dataclass(frozen=True, eq=False)
class ReportInput:
    """What a report is made of.

    Attributes
    ----------
    annotations : mapping of int to ImageAnnotation
        The images that were looked at, by image index.
    predictions : Predictions
        Of those images.
    classes : tuple of ObjectClass
        The classes that are scored.
    blacklist : Blacklist
    protocol : Protocol
        By whose rules.
    mean_ap : Interval
        The score that the report explains, with its 95 % interval; bounds are nan without
        objects.
    scored : str
        What was scored: the name of weights or of a prediction file.
    command : str
        How the report was asked for.
    date : datetime
    coco : CocoResult, optional
        By COCO's rules, what pycocotools says: its AP heads the page, and its twelve numbers and
        the AP of each class are shown. The rest explains the AP50, which is ``mean_ap``.
    proposals : ProposalFile, optional
        The proposals that were scored.
    skipped : tuple of str
        Why images have no detections, one line each.
    """

    annotations: Mapping[int, ImageAnnotation]
    predictions: Predictions
    classes: tuple[ObjectClass, ...]
    blacklist: Blacklist
    protocol: Protocol
    mean_ap: Interval
    scored: str
    command: str
    date: datetime
    coco: CocoResult | None = None
    proposals: ProposalFile | None = None
    skipped: tuple[str, ...] = ()


def write_report(folder: Path | str, report: ReportInput) -> Path:
    """Write ``report.html`` into a folder, which is made where it is missing; return its path.

    The page holds its pictures, and needs neither network nor script. Pictures that cannot be
    read are left out with a note.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(folder) / REPORT_NAME
    facts = Facts(
        classes=report.classes,
        annotations=report.annotations,
        mean_ap=report.mean_ap,
        coco=report.coco,
        scored=report.scored,
        command=report.command,
        date=report.date,
        skipped=report.skipped,
    )
    write_text(path, render_page(facts, analyse_report(report)))
    return path


def write_comparison(path: Path | str, facts: ComparisonFacts) -> None:
    """Write a page on two detectors, which holds its pictures and needs neither network nor script.

    Pictures that cannot be read are left out with a note.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_text(path, render_comparison(facts))


def analyse_report(report: ReportInput) -> Analysis:
    """Return the figures of a report, to be used without a page.

    Classes without objects have no average precision, and are left out with their detections.
    """
    truth = gather_ground_truth(report.annotations.items(), report.classes)
    present = set(truth.class_ids.tolist())
    class_ids = [one.id for one in report.classes if one.id in present]
    image_count = max(report.annotations, default=-1) + 1

    def match(predictions: Predictions) -> Matches:
        return match_rows(
            truth,
            predictions,
            class_ids,
            report.blacklist,
            protocol=report.protocol,
            image_count=image_count,
        )

    boxes_of = None if report.proposals is None else partial(_boxes, report, report.proposals)
    return analyse(match(report.predictions), match, report.annotations, boxes_of)


def _boxes(report: ReportInput, proposals: ProposalFile, image: int) -> FloatArray:
    annotation = report.annotations[image]
    return proposals.for_image(annotation.image_id, annotation.image_size).boxes_xyxy
