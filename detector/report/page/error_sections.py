"""The sections of a report that show what a detector does wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.errors import FALSE_POSITIVES, TOTALS, ErrorKind, error_counts
from detector.report.analysis.facts import Facts
from detector.report.analysis.pairs import NO_OBJECT
from detector.report.page.gallery import (
    Thumbnail,
    largest_missed,
    thumbnails,
    worst_false_positives,
)
from detector.report.page.markup import Markup, element, join
from detector.report.page.pictures import legend_of_boxes, note_of_skipped, picture_figure
from detector.report.page.tables import (
    bar,
    count,
    number,
    points,
    table,
)

MEANINGS: Final[dict[ErrorKind, str]] = {
    "localisation": "right class, IoU from 0.1 to below the object's threshold",
    "confusion": "on an object of another class, at its threshold or more",
    "both": "near an object of another class only: IoU above 0.1, below its threshold",
    "duplicate": "on an object that a detection of the same class took before",
    "background": "no object has an IoU above 0.1",
    "missed": "objects that nothing takes, and no error of localisation or confusion is about",
    "all false positives": "all of the detections that take no object, removed",
    "all objects not found": "all of the objects that no detection takes, not asked for",
}


def error_tables(analysis: Analysis) -> Markup:
    """Return what each kind of error costs and, apart from them, what all of a side cost."""
    counts = error_counts(analysis.errors)
    counts["all false positives"] = sum(counts[kind] for kind in FALSE_POSITIVES)
    counts["all objects not found"] = int((~analysis.matches.object_found).sum())
    if not any(counts.values()):
        return Markup()
    kinds: list[ErrorKind] = [*FALSE_POSITIVES, "missed"]
    kinds.sort(key=lambda kind: -analysis.costs[kind])
    return join(
        element(
            "p",
            "Kinds and costs are TIDE's [1], after Hoiem [2]. The cost of a kind (dAP) is what"
            " the mAP gains, in points of a hundred, when the errors of this kind alone are"
            " repaired. Costs do not add up to what is lacking, since one error hides another.",
        ),
        element(
            "p",
            "A detection is of the first kind that holds: localisation, confusion, duplicate,"
            " background, both. Of the errors of localisation or confusion about an object that"
            " nothing took, the one with the highest score is repaired: it finds the object, in"
            " the object's class. All other errors are repaired by being removed; missed"
            " objects are no longer asked for.",
        ),
        _costs("Kinds of errors and their costs", "Kind", "Errors", analysis, counts, kinds),
        element("h3", "In total"),
        element(
            "p",
            "What the mAP gains when all errors of one side are repaired at once. Each total"
            " holds several of the kinds above, and the bars have a scale of their own.",
        ),
        _costs("Errors in total", "All of a side", "Number", analysis, counts, TOTALS),
    )


def _costs(
    caption: str,
    first: str,
    last: str,
    analysis: Analysis,
    counts: Mapping[ErrorKind, int],
    kinds: Sequence[ErrorKind],
) -> Markup:
    scale = max(0.001, *(analysis.costs[kind] for kind in kinds))
    rows = [
        [
            element("span", kind, element("small", MEANINGS[kind])),
            bar(analysis.costs[kind] / scale, points(analysis.costs[kind]), kind="second"),
            count(counts[kind]),
        ]
        for kind in kinds
    ]
    return table(caption, [first, "dAP, points", last], rows, kind="numbers errors", bars=(1,))


def galleries(facts: Facts, analysis: Analysis) -> Markup:
    """Return one gallery a kind of error that there is, with its heading."""
    matches, errors = analysis.matches, analysis.errors
    shown: list[Markup] = []
    for kind in FALSE_POSITIVES:
        rows = worst_false_positives(matches, errors, kind)
        pairs = [(row, int(errors.about[row])) for row in rows]
        shown.append(_gallery(facts, analysis, kind, "highest scores first", pairs))
    pairs = [(NO_OBJECT, row) for row in largest_missed(matches, errors)]
    shown.append(_gallery(facts, analysis, "missed", "largest first", pairs))
    if not any(shown):
        return Markup()
    return join(
        legend_of_boxes(),
        element("p", "At most two of one picture, cut to twice the size of the boxes."),
        shown,
    )


def _gallery(
    facts: Facts, analysis: Analysis, kind: ErrorKind, order: str, pairs: list[tuple[int, int]]
) -> Markup:
    if not pairs:
        return Markup()
    drawn, skipped = thumbnails(analysis.matches, facts.annotations, pairs)
    figures = [_figure(facts, analysis, kind, one) for one in drawn]
    return join(
        element("h3", kind.capitalize(), element("small", f"{MEANINGS[kind]}; {order}")),
        element("div", figures, class_="gallery") if figures else "",
        note_of_skipped(skipped),
    )


def _figure(facts: Facts, analysis: Analysis, kind: ErrorKind, one: Thumbnail) -> Markup:
    what = _what(facts, analysis, kind, one)
    name = facts.annotations[one.image_index].image_id
    return picture_figure(one, f"{kind}: {what}, in {name}", what, name)


def _what(facts: Facts, analysis: Analysis, kind: ErrorKind, one: Thumbnail) -> str:
    truth, found = analysis.matches.ground_truth, analysis.matches.predictions
    if kind == "missed":
        x1, y1, x2, y2 = truth.boxes_xyxy[one.object].tolist()
        name = facts.name_of(int(truth.class_ids[one.object]))
        return f"{name}, {x2 - x1:.0f} \u00d7 {y2 - y1:.0f} px"
    name = facts.name_of(int(found.class_ids[one.detection]))
    text = f"{name} {number(float(found.scores[one.detection]), 2)}"
    if one.object == NO_OBJECT:
        return text
    its_name = facts.name_of(int(truth.class_ids[one.object]))
    iou = number(float(analysis.errors.ious[one.detection]), 2)
    return f"{text}, IoU {iou} with {its_name}"
