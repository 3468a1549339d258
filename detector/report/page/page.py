"""The report of one detector: its sections one after another."""

from __future__ import annotations

from typing import Final

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.facts import Facts
from detector.report.page.class_pictures import class_pictures
from detector.report.page.confusion_section import confusion_table
from detector.report.page.document import Section, render_document
from detector.report.page.error_sections import error_tables, galleries
from detector.report.page.markup import Content, element, join
from detector.report.page.number_sections import coverage_table, detection_numbers, proposal_numbers
from detector.report.page.score_sections import (
    best_first,
    class_table,
    coco_table,
    curves,
    headline,
    size_table,
)
from detector.report.page.tables import number

_PAPERS: Final = (
    "Bolya et al.: TIDE: A General Toolbox for Identifying Object Detection Errors. ECCV 2020.",
    "Hoiem, Chodpathumwan, Dai: Diagnosing Error in Object Detectors. ECCV 2012.",
)


def render_page(facts: Facts, analysis: Analysis) -> str:
    """Return the page as HTML; all that comes from files is escaped."""
    errors = error_tables(analysis)
    pictures = class_pictures(facts, analysis, best_first(analysis))
    proposals = join(proposal_numbers(analysis), coverage_table(facts, analysis))
    sections = [
        Section("classes", "Average precision by class", class_table(facts, analysis, pictures)),
        Section("coco", "COCO's numbers", coco_table(facts)),
        Section("curves", "Precision and recall", curves(facts, analysis)),
        Section("errors", "Kinds of errors", errors),
        Section("confusion", "Confusion of classes", confusion_table(facts, analysis, pictures)),
        Section("sizes", "Size of objects", size_table(analysis)),
        Section("detections", "Number of detections", detection_numbers(analysis)),
        Section("proposals", "Proposals", proposals),
        Section("gallery", "The worst errors", galleries(facts, analysis)),
        Section("pictures", "Pictures by class", pictures.content),
        Section("papers", "Papers", _papers() if errors else ""),
    ]
    title = f"{'mAP' if facts.coco is None else 'AP'} {number(facts.headline)}: {facts.scored}"
    return render_document(title, "Detection report", headline(facts, analysis), sections)


def _papers() -> Content:
    return element("ol", [element("li", paper) for paper in _PAPERS])
