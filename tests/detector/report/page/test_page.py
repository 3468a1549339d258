from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np

from detector.report import ReportInput
from detector.report.page.tables import NOTHING
from detector.scoring import COCO_NUMBERS, Predictions
from detector.scoring.coco import CocoResult
from detector.scoring.outcomes import Outcomes
from proposals.evaluation.bootstrap import Interval

Written = Callable[[Path, ReportInput], tuple[Any, str]]


def sections(page: Any) -> list[str]:
    """Return the ids of the sections, to each of which the contents lead."""
    found = [one["id"] for one in page.of("section")]
    assert [one["href"][1:] for one in page.of("a")][: len(found)] == found
    return found


def test_cocos_own_ap_heads_the_page_and_its_twelve_numbers_follow(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    numbers = {number.name: 0.2 + i / 100 for i, number in enumerate(COCO_NUMBERS)} | {"APs": nan}
    none = np.zeros(0, np.int64)
    nothing = Outcomes("coco", 3, none, none, np.zeros(0), np.zeros(0, np.bool_), none, none)
    by_class = {1: 0.111, 2: 0.222, 3: 0.333}
    result = CocoResult(nothing, numbers, numbers["AP"], {}, by_class)
    page, text = written(tmp_path, replace(report, protocol="coco", coco=result))
    assert "<title>AP 0.200: theirs.txt</title>" in text
    assert "AP50, which the rest of this page explains: 0.412, 95 % interval 0.300" in page.words
    assert {"href": "#coco"} in page.of("a")
    for name, value in numbers.items():
        shown = NOTHING if isnan(value) else f"{value:.3f}"
        assert re.search(rf"{name} .{{5,60}} {shown}", page.words)
    assert "Class AP50 95 % interval AP Objects" in page.words
    assert re.search(r"cat \d\.\d{3} \S+ to \S+ 0\.111 2 ", page.words)
    other, _ = written(tmp_path, report)
    assert {"href": "#coco"} not in other.of("a")
    assert "Class AP 95 % interval Objects" in other.words


def with_objects(report: ReportInput, counts: dict[str, int], found: str) -> ReportInput:
    """Return a report of so many objects of each class, of which those of one are found."""
    first = report.annotations[0]
    annotations = {
        index: replace(
            first,
            image_id=f"image {index}",
            boxes_xyxy=np.tile(np.array([[10, 20, 80, 90]], np.float32), (len(keys), 1)),
            class_keys=keys,
            difficult=(), crowd=(), areas=(),
        )
        for index in range(max(counts.values()))
        if (keys := tuple(name for name, count in counts.items() if index < count))
    }  # fmt: skip
    ids = {one.name: one.id for one in report.classes}
    predictions = Predictions(
        np.arange(counts[found]),
        np.full(counts[found], ids[found]),
        np.tile(np.array([[10, 20, 80, 90]], np.float32), (counts[found], 1)),
        np.full(counts[found], 0.9),
    )
    return replace(report, annotations=annotations, predictions=predictions)


def greyed(text: str) -> list[str]:
    return re.findall(r'<tr class="greyed"><th scope="row"><a href="#class-\d+">([^<]*)<', text)


def test_classes_of_few_objects_are_named_greyed_and_come_last(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    # The best of them has nine objects, all found.
    page, text = written(
        tmp_path, with_objects(report, {"cat": 9, "dog": 10, "traffic_light": 25}, "cat")
    )
    assert greyed(text) == ["cat"]
    rows = re.findall(r'<a href="#class-\d+">(cat|dog|traffic light)</a></th>', text)
    assert rows[2] == "cat"
    assert text.count('<figure class="greyed">') == 1
    assert "2 classes have fewer than 20 objects, too few to rely on an AP: cat 9, dog 10." in (
        page.words
    )


def test_what_has_few_objects_is_neither_best_nor_worst(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    few = {"cat": 9, "dog": 10, "traffic_light": 25}
    for found in ("cat", "dog"):
        page, _ = written(tmp_path, with_objects(report, few, found))
        said = re.search(r"Best at (.*?) \(.*worst at (.*?) \(", page.words)
        assert said is not None
        assert set(said.groups()) <= {"dog", "traffic light"}
    page, text = written(tmp_path, with_objects(report, {"cat": 9, "dog": 40}, "dog"))
    assert "Best at" not in page.words
    page, text = written(tmp_path, with_objects(report, {"cat": 20, "dog": 40}, "dog"))
    assert greyed(text) == []
    assert "too few" not in page.words


def test_nothing_at_all_has_a_page_without_empty_sections(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    none = np.zeros(0, np.int64)
    empty = Predictions(none, none, np.zeros((0, 4), np.float32), np.zeros(0))
    nothing = replace(report, predictions=empty, mean_ap=Interval(nan, nan, nan))
    page, _ = written(tmp_path, nothing)
    assert "nan" not in page.words
    assert sections(page) == [
        "classes", "curves", "errors", "confusion", "sizes", "gallery", "pictures", "papers",
    ]  # fmt: skip
    page, text = written(tmp_path, replace(nothing, annotations={}))
    assert "nan" not in text
    assert (sections(page), page.of("nav"), page.of("h2")) == ([], [], [])
    page, _ = written(tmp_path, replace(nothing, annotations={}, classes=()))
    assert sections(page) == []


def test_what_makes_no_error_has_no_section_of_errors(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    page, _ = written(tmp_path, with_objects(report, {"cat": 2, "dog": 0}, "cat"))
    assert sections(page) == ["classes", "curves", "confusion", "sizes", "detections", "pictures"]
    assert "Commonest confusions" not in page.words


def test_a_kind_of_error_that_never_was_has_no_heading(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    page, _ = written(tmp_path, report)
    for kind in ("Localisation", "Confusion", "Both", "Duplicate", "Background", "Missed"):
        assert f" {kind} " in page.words
    fewer = replace(report, predictions=report.predictions.where(np.arange(7) == 5))
    page, _ = written(tmp_path, fewer)
    assert " Background " in page.words
    assert " Localisation " not in page.words


def test_totals_stand_apart_from_kinds(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    _, text = written(tmp_path, report)
    errors = text[text.index('id="errors"') : text.index('id="confusion"')]
    kinds, totals = re.findall(r"<table.*?</table>", errors)
    assert re.findall(r'row"><span>([a-z ]*)<', totals) == [
        "all false positives", "all objects not found",
    ]  # fmt: skip
    assert sorted(re.findall(r'row"><span>([a-z ]*)<', kinds)) == [
        "background", "both", "confusion", "duplicate", "localisation", "missed",
    ]  # fmt: skip
    for table in (kinds, totals):  # each has a scale of its own
        assert "width:100.0%" in table


def test_without_proposals_there_is_no_section_of_them(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    page, _ = written(tmp_path, report)
    assert "proposals" not in sections(page)
    assert "Covered" not in page.words


def test_a_link_leads_from_each_class_and_each_count_to_a_picture(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    page, text = written(tmp_path, report)
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = [one["href"][1:] for one in page.of("a")]
    assert set(links) <= ids
    assert {"class-1", "class-2", "class-3"} <= set(links)
    matrix = re.search(r'<table class="matrix".*?</table>', text)
    assert matrix is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", matrix[0])
    counts = [cell for cell in cells if "zero" not in cell]
    shown = [re.fullmatch(r'<a href="#(cell-[\w-]+)" aria-label=".*">\d+</a>', c) for c in counts]
    assert all(shown)
    keys = [one[1] for one in shown if one is not None]
    assert keys == [
        "cell-1-1", "cell-1-missed", "cell-2-missed", "cell-3-3", "cell-background-3",
    ]  # fmt: skip
    for key in keys:
        assert re.search(rf'<figure id="{key}"><img src="data:image/webp', text)
