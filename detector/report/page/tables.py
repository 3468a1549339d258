"""Tables, bars and figures as the report writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import isnan

from detector.report.page.markup import Content, Markup, element
from detector.scoring.comparison import Change
from proposals.evaluation.bootstrap import Interval

NOTHING = "\u2013"
"""What stands where there is no figure."""

_NARROW = 4  # columns that a phone shows
_HINT = "\u2194 Scroll sideways to see all columns."


def number(value: float, digits: int = 3) -> str:
    """Write a figure with so many decimals; a dash for nan."""
    return NOTHING if isnan(value) else f"{value:.{digits}f}"


def percent(value: float) -> str:
    """Write a share of 0-1 in whole percent; a dash for nan."""
    return NOTHING if isnan(value) else f"{100 * value:.0f}\u00a0%"


def points(value: float) -> str:
    """Write a difference of mAP in points, with its sign; a dash for nan."""
    return NOTHING if isnan(value) else f"{100 * value:+.1f}".replace("-", "\u2212")


def count(value: int) -> str:
    """Write a number of things with a narrow space between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def plural(value: int, singular: str, many: str | None = None) -> str:
    """Write a number of things with their name."""
    return f"{count(value)} {singular if value == 1 else many or singular + 's'}"


def bar(
    share: float, text: str, *, kind: str | None = None, interval: Interval | None = None
) -> Markup:
    """Draw a share of 0-1 as a bar with its figure beside it, and its interval as a whisker."""
    width = 0.0 if isnan(share) else 100 * min(1.0, max(0.0, share))
    filled = element("span", class_="filled", style=f"width:{width:.1f}%")
    track = element("span", filled, _whisker(interval), class_="track")
    return element("span", track, element("span", text, class_="figure"), class_=_classes(kind))


def difference_bar(change: Change, scale: float) -> Markup:
    """Draw a difference to the left or right of the middle, with its interval and its figure.

    Parameters
    ----------
    change : Change
    scale : float
        Points that half of the width stands for; above 0.
    """
    low, middle, high = (
        min(1.0, max(0.0, 0.5 + value / scale / 2))
        for value in (change.points.low, change.points.estimate, change.points.high)
    )
    left, width = 100 * min(middle, 0.5), 100 * abs(middle - 0.5)
    filled = element("span", class_="filled", style=f"left:{left:.1f}%;width:{width:.1f}%")
    whisker = _whisker(Interval(middle, low, high))
    track = element("span", filled, whisker, class_="track two-sided")
    figure = element("span", points(change.points.estimate / 100), class_="figure")
    return element("span", track, figure, class_=f"bar {change.verdict}")


def _whisker(interval: Interval | None) -> Content:
    if interval is None or isnan(interval.low):
        return ""
    left, width = 100 * interval.low, 100 * (interval.high - interval.low)
    return element("span", class_="whisker", style=f"left:{left:.1f}%;width:{width:.1f}%")


def _classes(kind: str | None) -> str:
    return "bar" if kind is None else f"bar {kind}"


def table(
    caption: str,
    head: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    *,
    kind: str = "",
    bars: Collection[int] = (),
    greyed: Collection[int] = (),
) -> Markup:
    """Return a table in a box of its own, within which it scrolls where the page is narrow.

    The first cell of each row is its heading; ``kind`` is a class for the page's style, and
    ``bars`` are the columns that hold bars, from 0, and ``greyed`` the rows that count less.
    """
    columns = [
        element("th", one, scope="col", class_="start" if number in bars else None)
        for number, one in enumerate(head)
    ]
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            [element("td", c) for c in row[1:]],
            class_="greyed" if number in greyed else None,
        )
        for number, row in enumerate(rows)
    ]
    content = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", columns)),
        element("tbody", body),
        class_=kind or None,
    )
    return scroll_box(content, caption, wide=len(head) > _NARROW)


def scroll_box(content: Markup, label: str, *, wide: bool) -> Markup:
    """Return content in a box that scrolls sideways, by keys too, where the page is narrow.

    Its hint says so there, where else nothing may show that more is there: a phone has no bars.
    A ``wide`` one has it on every phone if the browser cannot tell.
    """
    return element(
        "div",
        element("p", _HINT, class_="hint"),
        content,
        class_="scroll wide" if wide else "scroll",
        tabindex="0",
        role="region",
        aria_label=label,
    )
