from __future__ import annotations

from math import nan
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report import best_f1
from detector.report.page.curves_svg import (
    Series,
    envelope_corners,
    envelopes_svg,
    line_chart_svg,
    precision_recall_svg,
)
from detector.scoring.average_precision import PrecisionRecall, precision_recall


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def curve_of(found: list[bool], objects: int) -> PrecisionRecall:
    scores = -np.arange(len(found), dtype=float)
    return precision_recall(scores, np.array(found, bool), objects)


def test_no_hit_has_no_envelope() -> None:
    assert envelope_corners(curve_of([], 3)) == []
    assert envelope_corners(curve_of([False], 3)) == []


@given(st.lists(st.booleans(), max_size=20), st.integers(0, 3))
def test_the_area_below_the_corners_is_the_average_precision(
    found: list[bool], missed: int
) -> None:
    curve = curve_of(found, sum(found) + missed)
    corners = envelope_corners(curve)
    area = sum(
        (right - left) * height
        for (left, height), (right, _) in zip(corners[::2], corners[1::2], strict=True)
    )
    if curve.objects:
        assert area == pytest.approx(curve.average_precision)
    # Each step is level, starts where the last one ended, and lies lower.
    for (_, start), (_, end) in zip(corners[::2], corners[1::2], strict=True):
        assert start == end
    for before, after in zip(corners[1:-1:2], corners[2::2], strict=True):
        assert before[0] == after[0]
        assert before[1] > after[1]


@pytest.mark.parametrize("found", [[], [False], [True], [True, False, True] * 500])
def test_a_curve_is_drawn_small_named_and_escaped(found: list[bool]) -> None:
    curve = curve_of(found, sum(found) + 1)
    svg = precision_recall_svg(curve, best_f1(curve), "<cat> & dog")
    root = parsed(svg)
    assert "<cat> & dog" in root.get("aria-label", "")
    assert len(svg) < 20_000


def test_a_line_chart_marks_what_is_known() -> None:
    series = [Series("found", [0.0, nan, 1.0]), Series("mAP", [nan, nan, nan])]
    root = parsed(line_chart_svg(["1", "2", "5"], series, "found by number"))
    marks = [e for e in root.iter("path") if "dot" in e.get("class", "")]
    assert len(marks) == 2
    assert [e.text for e in root.iter("text")][-3:] == ["1", "2", "5"]
    parsed(line_chart_svg([], [Series("none", [])], "nothing"))


def test_two_envelopes_are_drawn_in_the_colours_of_the_series() -> None:
    curves = [curve_of([True, False], 2), curve_of([True, True], 2)]
    root = parsed(envelopes_svg(curves, "<cat>"))
    assert root.get("aria-label") == "Precision against recall of <cat>: AP 0.500, 1.000"
    lines = [e for e in root.iter("path") if e.get("class", "").startswith("line")]
    assert [e.get("class") for e in lines] == ["line s0", "line s1"]
    assert lines[0].get("d") != lines[1].get("d")
