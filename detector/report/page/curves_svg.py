"""Curves as inline SVG; colours and fonts are the page's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isnan
from typing import Final

import numpy as np

from detector.report.analysis.operating_point import OperatingPoint
from detector.report.page.markup import Markup, element
from detector.scoring.average_precision import PrecisionRecall
from detector.scoring.records import DoubleArray

_SIDE: Final = 100  # of the square that recall and precision, from 0 to 1, span
_MOST_POINTS: Final = 200  # of a curve; it is drawn some 200 pixels wide
_WIDE: Final = 320  # of a line chart
_HIGH: Final = 150


@dataclass(frozen=True)
class Series:
    """A line of a chart: its name, and a value from 0 to 1 or nan for each place on the x axis."""

    name: str
    values: Sequence[float]


def precision_recall_svg(curve: PrecisionRecall, point: OperatingPoint | None, name: str) -> Markup:
    """Draw precision against recall: the envelope, whose area is the AP, and the raw curve.

    ``point`` is marked where there is one; ``name`` is the class's, for those who listen.
    """
    lines = [
        *_frame(),
        element("path", d=_envelope_area(curve), class_="area"),
        element("path", d=_raw_path(curve), class_="raw"),
        element("path", d=_envelope_path(curve), class_="envelope"),
    ]
    if point is not None:
        x, y = _place(point.recall, point.precision)
        lines.append(element("circle", cx=x, cy=y, r=2.6, class_="point"))
    label = f"Precision against recall of {name}: AP {curve.average_precision:.3f}"
    box = f"-22 -6 {_SIDE + 32} {_SIDE + 22}"
    return element("svg", lines, viewBox=box, role="img", aria_label=label, class_="curve")


def envelopes_svg(curves: Sequence[PrecisionRecall], name: str) -> Markup:
    """Draw the envelopes of up to three detectors in one class, in the colours of the series."""
    lines = [
        *_frame(),
        *(
            element("path", d=_envelope_path(curve), class_=f"line s{number}")
            for number, curve in enumerate(curves)
        ),
    ]
    aps = ", ".join(f"{curve.average_precision:.3f}" for curve in curves)
    box = f"-22 -6 {_SIDE + 32} {_SIDE + 22}"
    label = f"Precision against recall of {name}: AP {aps}"
    return element("svg", lines, viewBox=box, role="img", aria_label=label, class_="curve")


def line_chart_svg(places: Sequence[str], series: Sequence[Series], label: str) -> Markup:
    """Draw up to three series over evenly spaced places that carry these labels.

    ``label`` says what is seen, for those who listen; the numbers belong in a table beside it.
    """
    step = _WIDE / max(1, len(places) - 1)
    lines = [mark for value in (0, 0.25, 0.5, 0.75, 1) for mark in _rule(value)]
    for number, place in enumerate(places):
        x = f"{number * step:.1f}"
        lines.append(element("text", place, x=x, y=_HIGH + 14, class_="tick middle"))
    for number, one in enumerate(series):
        points = [(i * step, _HIGH * (1 - v)) for i, v in enumerate(one.values) if not isnan(v)]
        lines.append(element("path", d=_path(points), class_=f"line s{number}"))
        dots = (_marker(number, *point) for point in points)
        lines.extend(element("path", d=dot, class_=f"dot s{number}") for dot in dots)
    box = f"-30 -8 {_WIDE + 48} {_HIGH + 28}"
    return element("svg", lines, viewBox=box, role="img", aria_label=label, class_="chart")


def legend_svg(number: int) -> Markup:
    """Draw the sample of the series of that number for a legend."""
    sample = [
        element("line", x1=0, y1=6, x2=26, y2=6, class_=f"line s{number}"),
        element("path", d=_marker(number, 13, 6), class_=f"dot s{number}"),
    ]
    return element("svg", sample, viewBox="0 0 26 12", class_="sample", aria_hidden="true")


def envelope_corners(curve: PrecisionRecall) -> list[tuple[float, float]]:
    """Return the corners (recall, precision) of the envelope's steps, from recall 0 on.

    Between recall 0 and the largest, the area below is the average precision under ILSVRC's
    rule.
    """
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    steps = np.flatnonzero(np.diff(curve.recall, prepend=0.0) > 0)
    corners: list[tuple[float, float]] = []
    before = 0.0
    for recall, precision in zip(
        *map(_floats, (curve.recall[steps], envelope[steps])), strict=True
    ):
        if corners and corners[-1][1] == precision:
            corners[-1] = (recall, precision)
        else:
            corners += [(before, precision), (recall, precision)]
        before = recall
    return corners


def _envelope_path(curve: PrecisionRecall) -> str:
    corners = envelope_corners(curve)
    drop = [(corners[-1][0], 0.0)] if corners else []
    return _path(_place(*corner) for corner in [*corners, *drop])


def _envelope_area(curve: PrecisionRecall) -> str:
    corners = envelope_corners(curve)
    if not corners:
        return ""
    return _path(_place(*c) for c in [(0.0, 0.0), *corners, (corners[-1][0], 0.0)]) + "Z"


def _raw_path(curve: PrecisionRecall) -> str:
    if not curve.objects:
        return ""
    count = min(_MOST_POINTS, curve.detections)
    some = np.unique(np.linspace(0, curve.detections - 1, count).round().astype(np.int64))
    return _path(map(_place, _floats(curve.recall[some]), _floats(curve.precision[some])))


def _floats(values: DoubleArray) -> list[float]:
    numbers: list[float] = values.tolist()
    return numbers


def _place(recall: float, precision: float) -> tuple[float, float]:
    return round(recall * _SIDE, 1), round((1 - precision) * _SIDE, 1)


def _path(points: Iterable[tuple[float, float]]) -> str:
    """Return a path through points; of neighbours that are drawn at one place, one remains."""
    places = [place for place, _ in groupby(f"{x:.1f} {y:.1f}" for x, y in points)]
    return "M" + "L".join(places) if places else ""


def _frame() -> Iterable[Markup]:
    for value in (0, 0.5, 1):
        x, y = _place(value, value)
        yield element("line", x1=0, y1=y, x2=_SIDE, y2=y, class_="rule")
        yield element("line", x1=x, y1=0, x2=x, y2=_SIDE, class_="rule")
        yield element("text", f"{value:g}", x=-4, y=y + 3, class_="tick end")
        yield element("text", f"{value:g}", x=x, y=_SIDE + 12, class_="tick middle")


def _rule(value: float) -> Iterable[Markup]:
    y = _HIGH * (1 - value)
    yield element("line", x1=0, y1=y, x2=_WIDE, y2=y, class_="rule")
    yield element("text", f"{value:g}", x=-6, y=y + 3.5, class_="tick end")


def _marker(number: int, x: float, y: float) -> str:
    if number == 0:
        return f"M{x - 3:.1f} {y:.1f}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0Z"
    if number == 1:
        return f"M{x - 2.8:.1f} {y - 2.8:.1f}h5.6v5.6h-5.6Z"
    return f"M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4Z"
