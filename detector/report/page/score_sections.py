"""The sections of a report that show how well a detector does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import isnan, nan
from typing import Final

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.errors import TOTALS
from detector.report.analysis.facts import Facts
from detector.report.page.class_pictures import ClassPictures
from detector.report.page.curves_svg import precision_recall_svg
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.tables import bar, count, number, percent, plural, points, table
from detector.scoring.coco import COCO_NUMBERS
from detector.scoring.interval import TOO_FEW_OBJECTS, warning_of_few_objects
from detector.scoring.outcomes import Protocol
from proposals.evaluation.bootstrap import Interval

RULES: Final[dict[Protocol, str]] = {
    "ilsvrc": "ILSVRC DET: each object has its own IoU threshold, min(0.5, wh / ((w+10)(h+10)));"
    " matching is one to one; AP is the area under the precision envelope",
    "voc2007": "PASCAL VOC 2007: IoU of 0.5, difficult objects left out; AP is the mean of the"
    " envelope at 11 recalls",
    "voc": "PASCAL VOC 2010 to 2012: IoU of 0.5, difficult objects left out; AP is the area"
    " under the precision envelope",
    "coco": "COCO at IoU 0.5: crowds left out; AP is the mean of the envelope at 101 recalls",
}


def headline(facts: Facts, analysis: Analysis) -> Markup:
    """Return the figure that all else explains, and what it was measured on."""
    matches = analysis.matches
    scored = sum(curve.objects > 0 for curve in matches.score.curves.values())
    at = " at IoU 0.5" if matches.protocol == "coco" else ""
    what, half = f"mean average precision (mAP){at}", ""
    if facts.coco is not None:
        what = "average precision (AP), mean of IoUs from 0.50 to 0.95"
        half = f"AP50, which the rest of this page explains: {number(facts.mean_ap.estimate)}, "
    figure = element(
        "div",
        element("p", number(facts.headline), class_="big"),
        element("p", what, class_="what"),
        element("p", half + _interval(facts.mean_ap)),
        class_="headline",
    )
    tiles = [
        tile(count(len(facts.annotations)), "images"),
        tile(count(len(matches.ground_truth)), "objects"),
        tile(count(len(matches.predictions)), "detections"),
        tile(count(scored), "classes with objects"),
    ]
    told = [element("li", fact) for fact in _at_a_glance(facts, analysis)]
    return join(
        element("div", figure, element("div", tiles, class_="tiles"), class_="top"),
        element("ul", told, class_="glance") if told else "",
        provenance(
            [("Scored", facts.scored), ("By the rules of", RULES[matches.protocol])],
            facts.date,
            facts.command,
        ),
        _few(facts, analysis),
        _skipped(facts),
    )


def tile(figure: str, what: str) -> Markup:
    """Return a figure with what it is of, for the head of a page."""
    return element("p", element("b", figure), what, class_="tile")


def provenance(terms: Iterable[tuple[str, str]], date: datetime, command: str) -> Markup:
    """Return these terms with what stands for them, and when and how the page was made."""
    made = element(
        "time",
        date.strftime("%d %B %Y, %H:%M"),
        datetime=date.isoformat(timespec="minutes"),
    )
    given = [*terms, ("Made", made), ("Command", element("code", command))]
    listed = [[element("dt", term), element("dd", text)] for term, text in given]
    return element("dl", listed, class_="facts")


def class_table(facts: Facts, analysis: Analysis, pictures: ClassPictures) -> Markup:
    """Return the AP of each class, best first, and those of too few objects last, in grey."""
    order = best_first(analysis)
    if not order:
        return Markup()
    rows = [_class_row(facts, analysis, pictures, class_id) for class_id in order]
    scarce = [row for row, class_id in enumerate(order) if _is_scarce(analysis, class_id)]
    without = len(facts.classes) - len(order)
    left_out = (
        f" {plural(without, 'class', 'classes')} without objects and their detections are left"
        " out of this page."
        if without
        else ""
    )
    of, own, told = "AP", [], ""
    if facts.coco is not None:
        of, own, told = "AP50", ["AP"], " AP is the mean of IoUs from 0.50 to 0.95."
    numbers = ["Objects", "Detections", "Found", "Best F1", "at score"]
    links = element("span", " Names lead to pictures.", class_="onscreen")
    return join(
        element(
            "p",
            f"The whisker is the 95 % interval of the {of} among as many other images.{told}"
            f" Classes of fewer than {TOO_FEW_OBJECTS} objects stand last, in grey."
            " Found is the share of a class's objects that some detection finds, of"
            " whatever score. The best F1 is the highest harmonic mean of precision and recall"
            " that a threshold on the score gives, and that threshold." + left_out,
            links if pictures.of_class else "",
        ),
        table(
            "Average precision of each class",
            ["Class", of, "95 % interval", *own, *numbers],
            rows,
            kind="numbers classes",
            bars=(1,),
            greyed=scarce,
        ),
    )


def coco_table(facts: Facts) -> Markup:
    """Return what pycocotools prints, by COCO's rules."""
    if facts.coco is None:
        return Markup()
    numbers = facts.coco.numbers
    rows: list[list[Content]] = [
        [one.name, one.ious, one.area, count(one.detections), number(numbers[one.name])]
        for one in COCO_NUMBERS
    ]
    return join(
        element(
            "p",
            "What pycocotools prints: average precision (AP) and average recall (AR) of objects"
            " of a size, with at most so many detections of a class in an image.",
        ),
        table(
            "The twelve numbers of COCO",
            ["Number", "IoU", "Objects", "Detections", "Value"],
            rows,
            kind="numbers short",
        ),
    )


def curves(facts: Facts, analysis: Analysis) -> Markup:
    """Return the precision-recall curves as small multiples, in the order of the table."""
    figures = [
        element(
            "figure",
            element(
                "figcaption",
                element("b", facts.name_of(class_id)),
                element("span", number(curve.average_precision)),
            ),
            precision_recall_svg(
                curve, analysis.operating_points.get(class_id), facts.name_of(class_id)
            ),
            class_="greyed" if _is_scarce(analysis, class_id) else None,
        )
        for class_id in best_first(analysis)
        if (curve := analysis.matches.score.curves[class_id]).objects
    ]
    if not figures:
        return Markup()
    return join(
        element(
            "p",
            "Precision (upwards) against recall. The thick line is the envelope, the"
            " thin one what was measured, the dot the best F1; the number is the AP. Raw"
            " curves are drawn through at most 200 points.",
        ),
        element("div", figures, class_="multiples"),
    )


def size_table(analysis: Analysis) -> Markup:
    """Return the mAP of small, medium and large objects."""
    if not len(analysis.matches.ground_truth):
        return Markup()
    rows = [
        [
            element("span", name, element("small", _range(one.low, one.high))),
            bar(one.score.mean_ap, number(one.score.mean_ap)),
            count(one.objects),
            percent(one.found / one.objects if one.objects else nan),
        ]
        for name, one in analysis.sizes.items()
    ]
    return join(
        element(
            "p",
            "COCO's sizes, by area. For each size, only its objects are asked"
            " for. Detections that take an object of another size are ignored, and so are"
            " false positives whose own box is of another size. Objects are matched once,"
            " all sizes together; COCO matches anew for each size.",
        ),
        table(
            "Score by size of the objects",
            ["Size", "mAP", "Objects", "Found"],
            rows,
            kind="numbers",
            bars=(1,),
        ),
    )


def _interval(mean_ap: Interval) -> str:
    if isnan(mean_ap.low):
        return "no interval was worked out"
    return f"95 % interval {number(mean_ap.low)} to {number(mean_ap.high)}"


def _at_a_glance(facts: Facts, analysis: Analysis) -> Iterator[Content]:
    """Yield the sentences that a reader should take away."""
    aps = {
        class_id: ap
        for class_id, ap in analysis.matches.score.ap_by_class.items()
        if not isnan(ap) and not _is_scarce(analysis, class_id)
    }
    if len(aps) > 1:
        best, worst = max(aps, key=aps.__getitem__), min(aps, key=aps.__getitem__)
        by = "" if facts.coco is None else ", by AP50"
        yield (
            f"Best at {facts.name_of(best)} ({aps[best]:.3f}), worst at"
            f" {facts.name_of(worst)} ({aps[worst]:.3f}){by}."
        )
    kinds = {k: v for k, v in analysis.costs.items() if k not in TOTALS and v > 0}
    if kinds:
        kind = max(kinds, key=kinds.__getitem__)
        yield f"The costliest kind of error is {kind}: {points(kinds[kind])} points if repaired."
    for there, detected, times in analysis.confusion.strongest(1):
        yield (
            f"Most often confused: {facts.name_of(there)} detected as"
            f" {facts.name_of(detected)}, {plural(times, 'object')}."
        )
    if len(analysis.matches.ground_truth):
        shares = [
            f"{n} {percent(s.found / s.objects)}" for n, s in analysis.sizes.items() if s.objects
        ]
        found = percent(float(analysis.matches.object_found.mean()))
        yield f"{found} of the objects are found at some score: {', '.join(shares)}."


def _few(facts: Facts, analysis: Analysis) -> Content:
    score = analysis.matches.score
    names = {class_id: facts.name_of(class_id) for class_id in score.curves}
    warning = warning_of_few_objects(score, names)
    return "" if warning is None else element("p", f"{warning}.", class_="note")


def _is_scarce(analysis: Analysis, class_id: int) -> bool:
    """Return whether a class has too few objects to be named as done well or badly."""
    return analysis.matches.score.curves[class_id].objects < TOO_FEW_OBJECTS


def _skipped(facts: Facts) -> Content:
    if not facts.skipped:
        return ""
    return element(
        "p",
        f"{plural(len(facts.skipped), 'image')} could not be scored, and all objects there"
        f" count as missed; the first: {facts.skipped[0]}",
        class_="note",
    )


def best_first(analysis: Analysis) -> list[int]:
    """Return the class ids, those of too few objects last."""
    aps = analysis.matches.score.ap_by_class

    def place(class_id: int) -> tuple[bool, float]:
        ap = aps[class_id]
        return _is_scarce(analysis, class_id), 1 if isnan(ap) else -ap

    return sorted(aps, key=place)


def _class_row(
    facts: Facts, analysis: Analysis, pictures: ClassPictures, class_id: int
) -> list[Content]:
    curve = analysis.matches.score.curves[class_id]
    point = analysis.operating_points.get(class_id)
    ap = curve.average_precision
    interval = analysis.intervals.get(class_id, Interval(ap, nan, nan))
    found = float(curve.recall[-1]) if curve.objects and curve.detections else 0.0
    name: Content = facts.name_of(class_id)
    if (key := pictures.of_class.get(class_id)) is not None:
        name = element("a", name, href=f"#{key}")
    return [
        name,
        bar(ap, number(ap), interval=interval),
        f"{number(interval.low, 2)} to {number(interval.high, 2)}",
        *([] if facts.coco is None else [number(facts.coco.ap_by_class[class_id])]),
        count(curve.objects),
        count(curve.detections),
        percent(found if curve.objects else nan),
        number(nan if point is None else point.f1, 2),
        number(nan if point is None else point.score, 2),
    ]


def _range(low: float, high: float) -> str:
    if high == float("inf"):
        return f"from {low**0.5:.0f}² px"
    return f"below {high**0.5:.0f}² px"
