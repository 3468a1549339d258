"""The sections of a report that show what more detections and more proposals are worth."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.facts import Facts
from detector.report.analysis.limits import LimitedScore
from detector.report.analysis.proposal_reach import ProposalReach
from detector.report.page.curves_svg import Series, legend_svg, line_chart_svg
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.tables import bar, count, number, percent, plural, table
from detector.scoring.records import BoolArray


def detection_numbers(analysis: Analysis) -> Markup:
    """Return what the first detections of each image are worth."""
    if not len(analysis.matches.predictions):
        return Markup()
    return join(
        element(
            "p",
            "The score when only the best detections of each image count, all classes"
            " together, by score. Found is the share of all objects.",
        ),
        _limit_figure("Detections an image", analysis.by_detections, None),
    )


def proposal_numbers(analysis: Analysis) -> Markup:
    """Return what the first proposals of each image are worth, or why that is not known."""
    reach = analysis.reach
    if reach is None:
        return Markup()
    if not analysis.by_proposals:
        return element(
            "p",
            "From which proposal a detection comes is not known: some boxes of"
            " detections are none of the proposals in the file.",
        )
    return join(
        element(
            "p",
            "The score when only detections count that come from the first proposals of"
            " each image, in the order of their list. A detector that had been given no more"
            " than these might keep others in suppression, and so do slightly better."
            " Covered is the share of objects with a proposal that reaches the object's own"
            " IoU threshold.",
        ),
        _limit_figure("Proposals an image", analysis.by_proposals, reach),
    )


def coverage_table(facts: Facts, analysis: Analysis) -> Markup:
    """Return coverage of the proposals next to recall of the detector, per class."""
    reach = analysis.reach
    if reach is None:
        return Markup()
    rows = [_coverage_row(facts, analysis, reach, class_id) for class_id in _with_objects(analysis)]
    everything = np.ones(len(analysis.matches.ground_truth), np.bool_)
    rows.append(_coverage_cells("all", analysis, reach, everything))
    which = "all proposals"
    if reach.ranks_known:
        which = f"the first {count(reach.used)} proposals of each image, all that were used,"
    return join(
        element("h3", "Coverage beside recall"),
        element(
            "p",
            f"How many objects {which} cover at the object's own threshold, and how many the"
            " detector finds. What lies between, scoring and suppression lose.",
        ),
        table(
            "Coverage of the proposals and recall of the detector",
            ["Class", "Covered", "Found", "Lost, points", "Objects"],
            rows,
            kind="numbers",
            bars=(1, 2),
        ),
        _without_proposals(reach),
    )


def _without_proposals(reach: ProposalReach) -> Content:
    if not reach.skipped:
        return ""
    return element(
        "p",
        f"{plural(len(reach.skipped), 'image')} without proposals, whose objects count as not"
        f" covered; the first: {reach.skipped[0]}",
        class_="note",
    )


def _limit_figure(what: str, scores: Sequence[LimitedScore], reach: ProposalReach | None) -> Markup:
    series = [
        Series("found", [one.recall for one in scores]),
        Series("mAP", [one.mean_ap for one in scores]),
    ]
    if reach is not None:
        series.append(Series("covered", [reach.coverage(one.count) for one in scores]))
    places = [count(one.count) for one in scores]
    names = ", ".join(one.name for one in series)
    legend = [element("span", legend_svg(i), one.name) for i, one in enumerate(series)]
    rows = [
        [place, *(number(one.values[row]) for one in series)] for row, place in enumerate(places)
    ]
    chart = line_chart_svg(places, series, f"{names} by {what.lower()}; numbers in the table")
    return element(
        "div",
        element(
            "figure",
            element("p", legend, class_="legend"),
            chart,
            element("figcaption", f"{what}, the first ones; the steps are not even"),
        ),
        table(
            f"Score by {what.lower()}",
            [what, *(one.name for one in series)],
            rows,
            kind="numbers short",
        ),
        class_="beside",
    )


def _with_objects(analysis: Analysis) -> list[int]:
    return [i for i, curve in analysis.matches.score.curves.items() if curve.objects]


def _coverage_row(
    facts: Facts, analysis: Analysis, reach: ProposalReach, class_id: int
) -> list[Content]:
    of_class = analysis.matches.ground_truth.class_ids == class_id
    return _coverage_cells(facts.name_of(class_id), analysis, reach, of_class)


def _coverage_cells(
    name: str, analysis: Analysis, reach: ProposalReach, where: BoolArray
) -> list[Content]:
    covered = reach.coverage(reach.used, where)
    found = float(analysis.matches.object_found[where].mean()) if where.any() else nan
    return [
        name,
        bar(covered, percent(covered)),
        bar(found, percent(found), kind="second"),
        number(100 * (covered - found), 1),
        count(int(where.sum())),
    ]
