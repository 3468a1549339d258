"""The page itself: its head, its contents, and its sections one after another."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.facts import Facts
from detector.report.page.error_sections import confusion_table, error_table, galleries
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.number_sections import coverage_table, detection_numbers, proposal_numbers
from detector.report.page.score_sections import (
    class_table,
    coco_table,
    curves,
    headline,
    size_table,
)
from detector.report.page.tables import number

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Nothing is fetched and no script runs, even if something got past the escaping."""

_PAPERS: Final = (
    "Bolya et al.: TIDE: A General Toolbox for Identifying Object Detection Errors. ECCV 2020.",
    "Hoiem, Chodpathumwan, Dai: Diagnosing Error in Object Detectors. ECCV 2012.",
)


def render_page(facts: Facts, analysis: Analysis) -> str:
    """Return the page as HTML; all that comes from files is escaped."""
    sections: list[tuple[str, str, Content]] = [
        ("classes", "Average precision by class", class_table(facts, analysis)),
        *([("coco", "COCO's numbers", coco_table(facts))] if facts.coco else []),
        ("curves", "Precision and recall", curves(facts, analysis)),
        ("errors", "Kinds of errors", error_table(analysis)),
        ("confusion", "Confusion of classes", confusion_table(facts, analysis)),
        ("sizes", "Size of objects", size_table(analysis)),
        ("detections", "Number of detections", detection_numbers(analysis)),
        (
            "proposals",
            "Proposals",
            join(proposal_numbers(analysis), coverage_table(facts, analysis)),
        ),
        ("gallery", "The worst errors", list(galleries(facts, analysis))),
        ("papers", "Papers", element("ol", [element("li", paper) for paper in _PAPERS])),
    ]
    body = element(
        "body",
        element("header", element("h1", "Detection report"), headline(facts, analysis)),
        _contents([(key, title) for key, title, _ in sections]),
        element(
            "main",
            [
                element("section", element("h2", title), content, id=key)
                for key, title, content in sections
            ],
        ),
    )
    return f"<!DOCTYPE html>\n{element('html', _head(facts), body, lang='en')}\n"


def _head(facts: Facts) -> Markup:
    style = files("detector.report.page").joinpath("style.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element(
            "title", f"{'AP' if facts.coco else 'mAP'} {number(facts.headline)}: {facts.scored}"
        ),
        element("style", Markup(style)),
    )


def _contents(entries: list[tuple[str, str]]) -> Markup:
    links = [element("li", element("a", title, href=f"#{key}")) for key, title in entries]
    return element("nav", element("ul", links), aria_label="Contents")
