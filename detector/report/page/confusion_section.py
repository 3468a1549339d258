"""The section that shows which classes are taken for which others."""

from __future__ import annotations

from typing import Final

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.confusion import Confusion
from detector.report.analysis.facts import Facts
from detector.report.page.class_pictures import ClassPictures, shown_classes
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.tables import count, percent, scroll_box

_STRONGEST: Final = 10


def confusion_table(facts: Facts, analysis: Analysis, pictures: ClassPictures) -> Markup:
    """Return the confusion matrix, and the commonest confusions as a list."""
    confusion = analysis.confusion
    if not confusion.counts.any():
        return Markup()
    kept = shown_classes(confusion)
    few = ""
    if len(kept) < len(confusion.class_ids):
        few = (
            f" Of {len(confusion.class_ids)} classes, the {len(kept)} that are confused most stand"
            " by themselves, all others together."
        )
    return join(
        element(
            "p",
            "Rows are what is there, columns what was detected, of the detections from"
            " the best F1 of their class on. A detection that finds its object keeps it; of"
            " the others, by score, each takes the object of another class that it overlaps"
            " most, at that object's threshold or more. Shades are shares of the row." + few,
        ),
        element("p", "Underlined counts lead to pictures.", class_="onscreen")
        if pictures.of_cell
        else "",
        _matrix(facts, confusion.merged(kept), pictures),
        _commonest(facts, confusion),
    )


def _commonest(facts: Facts, confusion: Confusion) -> Content:
    pairs = [
        element("li", f"{facts.name_of(there)} detected as {facts.name_of(detected)}: {times}")
        for there, detected, times in confusion.strongest(_STRONGEST)
    ]
    if not pairs:
        return ""
    return [element("h3", "Commonest confusions"), element("ol", pairs)]


def _matrix(facts: Facts, confusion: Confusion, pictures: ClassPictures) -> Markup:
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
            _cell(
                n,
                total,
                f"{name} {'missed' if place == len(names) else f'detected as {columns[place]}'}",
                right=place == label,
                key=pictures.of_cell.get((label, place)),
            )
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
        style=f"--columns:{len(columns)}",
    )
    return scroll_box(content, caption, wide=True)


def _cell(value: int, total: int, what: str, *, right: bool, key: str | None) -> Content:
    if value == 0:
        return element("td", element("span", "·", class_="zero"))
    share = value / total
    shade = "right" if right else "wrong"
    told = f"{what}: {value} of {total} ({percent(share)})"
    text: Content = count(value)
    if key is not None:
        text = element("a", text, href=f"#{key}", aria_label=f"{told}, pictures")
    return element(
        "td",
        text,
        class_=f"{shade} strong" if share > 0.5 else shade,
        style=f"--share:{share:.2f}",
        title=told,
    )
