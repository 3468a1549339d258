"""The sections of a report that show what a detector does wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.confusion import Confusion
from detector.report.analysis.errors import FALSE_POSITIVES, ErrorKind, error_counts
from detector.report.analysis.facts import Facts
from detector.report.analysis.pairs import NO_OBJECT
from detector.report.page.gallery import (
    Thumbnail,
    largest_missed,
    thumbnails,
    worst_false_positives,
)
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.tables import (
    bar,
    count,
    number,
    percent,
    plural,
    points,
    scroll_box,
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
MOST_CLASSES: Final = 20
"""Classes of a confusion matrix that is still read; of more, the ones confused most."""
_STRONGEST: Final = 10


def error_table(analysis: Analysis) -> Markup:
    """Return how many errors of each kind there are, and what each kind costs."""
    counts = error_counts(analysis.errors)
    counts["all false positives"] = sum(counts[kind] for kind in FALSE_POSITIVES)
    counts["all objects not found"] = int((~analysis.matches.object_found).sum())
    scale = max([*analysis.costs.values(), 0.001])
    kinds: list[ErrorKind] = [*FALSE_POSITIVES, "missed"]
    kinds.sort(key=lambda kind: -analysis.costs[kind])
    rows = [
        [
            element("span", kind, element("small", MEANINGS[kind])),
            bar(analysis.costs[kind] / scale, points(analysis.costs[kind]), kind="second"),
            count(counts[kind]),
        ]
        for kind in (*kinds, "all false positives", "all objects not found")
    ]
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
        table(
            "Kinds of errors and their costs",
            ["Kind", "dAP, points", "Errors"],
            rows,
            kind="numbers errors",
            bars=(1,),
        ),
    )


def confusion_table(facts: Facts, analysis: Analysis) -> Markup:
    """Return the confusion matrix, and the commonest confusions as a list."""
    confusion = analysis.confusion
    shown = confusion if len(confusion.class_ids) <= MOST_CLASSES else _of_most_confused(confusion)
    pairs = [
        element("li", f"{facts.name_of(there)} detected as {facts.name_of(detected)}: {times}")
        for there, detected, times in confusion.strongest(_STRONGEST)
    ]
    return join(
        element(
            "p",
            "Rows are what is there, columns what was detected, of the detections from"
            " the best F1 of their class on. A detection that finds its object keeps it; of"
            " the others, by score, each takes the object of another class that it overlaps"
            " most, at that object's threshold or more. Shades are shares of the row.",
        ),
        _matrix(facts, shown),
        element("h3", "Commonest confusions") if pairs else "",
        element("ol", pairs, class_="pairs") if pairs else "",
    )


def galleries(facts: Facts, analysis: Analysis) -> Iterator[Markup]:
    """Yield one gallery a kind of error, with its heading."""
    matches, errors = analysis.matches, analysis.errors
    yield element(
        "p",
        element("span", element("span", class_="swatch object"), "object"),
        element("span", element("span", class_="swatch detection"), "detection"),
        class_="legend",
    )
    yield element("p", "At most two of one picture, cut to twice the size of the boxes.")
    for kind in FALSE_POSITIVES:
        rows = worst_false_positives(matches, errors, kind)
        pairs = [(row, int(errors.about[row])) for row in rows]
        yield from _gallery(facts, analysis, kind, "highest scores first", pairs)
    pairs = [(NO_OBJECT, row) for row in largest_missed(matches, errors)]
    yield from _gallery(facts, analysis, "missed", "largest first", pairs)


def _gallery(
    facts: Facts, analysis: Analysis, kind: ErrorKind, order: str, pairs: list[tuple[int, int]]
) -> Iterator[Markup]:
    yield element("h3", kind.capitalize(), element("small", f"{MEANINGS[kind]}; {order}"))
    if not pairs:
        yield element("p", "None.")
        return
    drawn, skipped = thumbnails(analysis.matches, facts.annotations, pairs)
    if drawn:
        figures = [_figure(facts, analysis, kind, one) for one in drawn]
        yield element("div", figures, class_="gallery")
    if skipped:
        yield element(
            "p",
            f"{plural(len(skipped), 'picture')} could not be read; the first: {skipped[0]}",
            class_="note",
        )


def _figure(facts: Facts, analysis: Analysis, kind: ErrorKind, one: Thumbnail) -> Markup:
    name = facts.annotations[one.image_index].image_id
    what = _what(facts, analysis, kind, one)
    height, width = one.size
    return element(
        "figure",
        element(
            "img",
            src=one.data_url,
            alt=f"{kind}: {what}, in {name}",
            width=width,
            height=height,
            loading="lazy",
        ),
        element("figcaption", what, element("small", name)),
    )


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


def _of_most_confused(confusion: Confusion) -> Confusion:
    inner = confusion.counts[:-1, :-1].copy()
    for i in range(len(inner)):
        inner[i, i] = 0
    confused = inner.sum(axis=0) + inner.sum(axis=1)
    most = sorted((-confused).argsort(kind="stable")[:MOST_CLASSES].tolist())
    return confusion.merged([confusion.class_ids[i] for i in most])


def _matrix(facts: Facts, confusion: Confusion) -> Markup:
    names = [facts.name_of(i) if i else "other classes" for i in confusion.class_ids]
    columns = [*names, "missed"]
    head = [
        element("th", "there \\ detected", scope="col", class_="corner"),
        *(element("th", element("span", name), scope="col") for name in columns),
    ]
    rows = []
    for label, name in enumerate([*names, "background"]):
        counts = confusion.counts[label].tolist()
        total = sum(counts)
        cells = [
            _cell(n, total, place == label, f"{name} detected as {columns[place]}")
            for place, n in enumerate(counts)
        ]
        rows.append(element("tr", element("th", name, scope="row"), cells))
    caption = "Confusion matrix: objects by class there and class detected"
    content = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", head)),
        element("tbody", rows),
        class_="matrix",
    )
    return scroll_box(content, caption)


def _cell(value: int, total: int, right: bool, what: str) -> Content:
    if value == 0:
        return element("td", element("span", "·", class_="zero"))
    share = value / total
    shade = "right" if right else "wrong"
    kind = f"{shade} strong" if share > 0.5 else shade
    return element(
        "td",
        count(value),
        class_=kind,
        style=f"--share:{share:.2f}",
        title=f"{what}: {value} of {total} ({percent(share)})",
    )
