"""Two detectors side by side: what the second has more than the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Final

import numpy as np

from detector.classes import ObjectClass
from detector.report.analysis.facts import ComparisonFacts
from detector.report.page.comparison_images import differing, name_of
from detector.report.page.curves_svg import envelopes_svg, legend_svg
from detector.report.page.document import Section, render_document
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.score_sections import RULES, provenance, tile
from detector.report.page.tables import (
    NOTHING,
    count,
    difference_bar,
    number,
    percent,
    points,
    table,
)
from detector.scoring.comparison import FEWEST_IMAGES, Change
from detector.scoring.comparison_text import remarks, statement
from detector.scoring.interval import TOO_FEW_OBJECTS, warning_of_few_objects
from detector.scoring.protocols import score_outcomes

_ORDINALS: Final = ("First", "Second")


def render_comparison(facts: ComparisonFacts) -> str:
    """Return the page as HTML; all that comes from files is escaped."""
    changes, objects = _changes(facts), _objects(facts)
    sections = [
        Section("classes", "Difference by class", _class_table(changes, objects)),
        Section("curves", "Precision and recall", _curves(facts, changes, objects)),
        Section("images", "Images on which they differ most", differing(facts)),
    ]
    change = facts.comparison.mean_ap
    return render_document(
        f"{points(change.points.estimate / 100)} points: {facts.names[1]} against {facts.names[0]}",
        "Comparison of two detectors",
        _headline(facts, changes, objects),
        sections,
    )


def _changes(facts: ComparisonFacts) -> Mapping[ObjectClass, Change]:
    """Return the changes of classes with objects: the greatest gain first, few objects last."""
    objects = _objects(facts)
    known = {one: change for one, change in facts.comparison.by_class.items() if objects[one]}

    def place(one: ObjectClass) -> tuple[bool, float]:
        return objects[one] < TOO_FEW_OBJECTS, -known[one].points.estimate

    return {one: known[one] for one in sorted(known, key=place)}


def _objects(facts: ComparisonFacts) -> Mapping[ObjectClass, int]:
    ids = facts.evaluations[0].outcomes.object_class_ids
    return {one: int(np.count_nonzero(ids == one.id)) for one in facts.comparison.by_class}


def _headline(
    facts: ComparisonFacts,
    changes: Mapping[ObjectClass, Change],
    objects: Mapping[ObjectClass, int],
) -> Markup:
    change, outcomes = facts.comparison.mean_ap, facts.evaluations[0].outcomes
    at = " at IoU 0.5" if outcomes.protocol == "coco" else ""
    figure = element(
        "div",
        element("p", points(change.points.estimate / 100), class_="big"),
        element("p", f"points of mAP{at}, from the first to the second", class_="what"),
        element("p", f"95 % interval {_range(change)}"),
        class_="headline",
    )
    tiles = [
        tile(number(change.first), f"first: {facts.names[0]}"),
        tile(number(change.second), f"second: {facts.names[1]}"),
        tile(count(outcomes.image_count), "images"),
        tile(count(len(changes)), "classes with objects"),
    ]
    names = [_file(facts, which) for which in (0, 1)]
    told = [element("li", one) for one in _at_a_glance(facts, changes, objects)]
    return join(
        element("div", figure, element("div", tiles, class_="tiles"), class_="top"),
        element("ul", told, class_="glance"),
        provenance(
            [
                ("First", names[0]),
                ("Second", names[1]),
                ("By the rules of", RULES[outcomes.protocol]),
            ],
            facts.date,
            facts.command,
        ),
        _few(facts),
    )


def _file(facts: ComparisonFacts, which: int) -> str:
    return f"{facts.names[which]}, of {facts.evaluations[which].name}"


def _at_a_glance(
    facts: ComparisonFacts,
    changes: Mapping[ObjectClass, Change],
    objects: Mapping[ObjectClass, int],
) -> Iterator[str]:
    second, first = facts.names[1], facts.names[0]
    images = facts.evaluations[0].outcomes.image_count
    yield f"{statement(second, first, facts.comparison.mean_ap, images)}."
    judged = {
        one: change
        for one, change in changes.items()
        if objects[one] >= TOO_FEW_OBJECTS and change.images >= FEWEST_IMAGES
    }
    for word, sign in (("gains", 1), ("loses", -1)):
        most = max(judged, key=lambda one: sign * judged[one].points.estimate, default=None)
        if most is not None and sign * judged[most].points.estimate > 0:
            change = judged[most]
            yield (
                f"The second {word} most at {name_of(most)}:"
                f" {points(change.points.estimate / 100)} points"
                f" (95 % interval {_range(change)})."
            )
    for remark in remarks(facts.comparison):
        yield f"{remark[:1].upper()}{remark[1:]}."


def _few(facts: ComparisonFacts) -> Content:
    evaluation = facts.evaluations[0]
    names = {one.id: name_of(one) for one in facts.comparison.by_class}
    warning = warning_of_few_objects(score_outcomes(evaluation.outcomes, names), names)
    return "" if warning is None else element("p", f"{warning}.", class_="note")


def _class_table(
    changes: Mapping[ObjectClass, Change], objects: Mapping[ObjectClass, int]
) -> Markup:
    bounds = [
        abs(bound)
        for change in changes.values()
        for bound in (change.points.low, change.points.estimate, change.points.high)
        if not isnan(bound)
    ]
    scale = max([1.0, *bounds])
    rows: list[list[Content]] = [
        [
            name_of(one),
            difference_bar(change, scale),
            _range(change),
            "" if change.verdict == "undecided" else change.verdict,
            number(change.first),
            number(change.second),
            percent(change.better / change.resamples) if change.resamples else NOTHING,
            count(objects[one]),
        ]
        for one, change in changes.items()
    ]
    return join(
        element(
            "p",
            "Points are hundredths of AP, from the first to the second; the whisker is the 95 %"
            " interval of the difference, in which images are drawn with replacement, the same"
            " ones for both. A class is better or worse where that interval keeps off 0, which"
            " of many classes some do by luck; not where fewer than"
            f" {FEWEST_IMAGES} images hold it. Classes of fewer than {TOO_FEW_OBJECTS} objects"
            " stand last, in grey.",
        ),
        table(
            "Difference of average precision in each class",
            [
                "Class", "Points", "95 % interval", "Second is", "First", "Second", "Better in",
                "Objects",
            ],
            rows,
            kind="numbers",
            bars=(1,),
            greyed=[row for row, one in enumerate(changes) if objects[one] < TOO_FEW_OBJECTS],
        ),
    )  # fmt: skip


def _curves(
    facts: ComparisonFacts,
    changes: Mapping[ObjectClass, Change],
    objects: Mapping[ObjectClass, int],
) -> Markup:
    curves = []
    for evaluation in facts.evaluations:
        ids = {one.key: one.id for one in evaluation.classes}
        scores = score_outcomes(evaluation.outcomes, [ids[one.key] for one in changes]).curves
        curves.append(scores.values())
    figures = [
        element(
            "figure",
            element(
                "figcaption",
                element("b", name_of(one)),
                element("span", f"{number(change.first)}, {number(change.second)}"),
            ),
            envelopes_svg(of_class, name_of(one)),
            class_="greyed" if objects[one] < TOO_FEW_OBJECTS else None,
        )
        for (one, change), of_class in zip(changes.items(), zip(*curves, strict=True), strict=True)
    ]
    legend = [
        element("span", legend_svg(place), f"{ordinal.lower()}: {name}")
        for place, (ordinal, name) in enumerate(zip(_ORDINALS, facts.names, strict=True))
    ]
    return join(
        element(
            "p", "The envelopes of precision (upwards) against recall; the numbers are the AP."
        ),
        element("p", legend, class_="legend"),
        element("div", figures, class_="multiples"),
    )


def _range(change: Change) -> str:
    return f"{points(change.points.low / 100)} to {points(change.points.high / 100)}"
