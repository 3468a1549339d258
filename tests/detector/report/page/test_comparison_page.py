from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detector.classes import ObjectClass
from detector.report import ComparisonFacts, write_comparison
from detector.scoring.comparison import compare, resample
from detector.scoring.evaluation import Evaluation
from detector.scoring.outcomes import Outcomes

EVIL = '<script>alert("1")</script>'
IMAGES = 30
OBJECTS = {"cat": 30, "dog": 20, "traffic_light": 9, "sofa": 0}


def evaluation(found: dict[str, int]) -> Evaluation:
    """Return an evaluation with an object of a class on each of its first images, some found."""
    classes = tuple(ObjectClass(number, "", name) for number, name in enumerate(OBJECTS, 1))
    ids = {one.name: one.id for one in classes}
    detections = [(image, ids[name]) for name, count in found.items() for image in range(count)]
    objects = [(image, ids[name]) for name, count in OBJECTS.items() for image in range(count)]
    rows, there = np.array(detections).reshape(-1, 2), np.array(objects)
    outcomes = Outcomes(
        "ilsvrc", IMAGES, rows[:, 0], rows[:, 1], np.full(len(rows), 0.5),
        np.ones(len(rows), np.bool_), there[:, 0], there[:, 1],
    )  # fmt: skip
    return Evaluation("theirs.txt", outcomes, classes, tuple(f"image{i}" for i in range(IMAGES)))


@pytest.fixture
def facts() -> ComparisonFacts:
    first = evaluation({"cat": 10, "dog": 15, "traffic_light": 0})
    second = evaluation({"cat": 25, "dog": 6, "traffic_light": 9})
    comparison = compare(*(resample(one, seed=0, resamples=50) for one in (first, second)))
    return ComparisonFacts(
        names=("a.json", "b.json"),
        evaluations=(first, second),
        comparison=comparison,
        command="inception-rcnn compare a.json b.json --report page.html",
        date=datetime(2026, 11, 25, 6, 7),
    )


@pytest.fixture
def page_of(
    tmp_path: Path, parse_page: Callable[[str], Any]
) -> Callable[[ComparisonFacts], tuple[Any, str]]:
    def of(facts: ComparisonFacts) -> tuple[Any, str]:
        write_comparison(tmp_path / "deep/page.html", facts)
        text = (tmp_path / "deep/page.html").read_text(encoding="utf-8")
        return parse_page(text), text

    return of


PageOf = Callable[[ComparisonFacts], tuple[Any, str]]


def test_the_head_says_how_much_better_the_second_is(
    facts: ComparisonFacts, page_of: PageOf
) -> None:
    page, text = page_of(facts)
    change = facts.comparison.mean_ap
    assert change.points.estimate == pytest.approx((50 - 45 + 100) / 3)
    assert "<title>+35.0 points: b.json against a.json</title>" in text
    assert "points of mAP, from the first to the second 95 % interval +" in page.words
    assert "b.json is better than a.json by 35.00 points (95 % interval " in page.words
    assert "a.json, of theirs.txt" in page.words
    assert "25 November 2026, 06:07" in page.words
    assert "Left out, as they have no objects: 1 classes." in page.words


def test_classes_stand_by_gain_and_those_of_few_objects_last(
    facts: ComparisonFacts, page_of: PageOf
) -> None:
    page, text = page_of(facts)
    assert re.findall(r'<th scope="row">([a-z ]+)</th>', text) == ["cat", "dog", "traffic light"]
    assert re.findall(r'<tr class="greyed"><th scope="row">([^<]*)<', text) == ["traffic light"]
    assert text.count('<figure class="greyed">') == 1
    # The traffic light gains most, but has nine objects.
    assert "The second gains most at cat: +50.0 points (95 % interval " in page.words
    assert "The second loses most at dog: \u221245.0 points (95 % interval " in page.words
    assert "1 class has fewer than 20 objects, too few to rely on an AP: traffic light 9." in (
        page.words
    )
    bars = re.findall(r'<span class="bar (\w+)"><span class="track two-sided">(.*?)>', text)
    assert [kind for kind, _ in bars] == ["better", "worse", "better"]
    left = [re.search(r"left:([\d.]+)%;width:([\d.]+)%", style) for _, style in bars]
    ends = [(float(one[1]), float(one[1]) + float(one[2])) for one in left if one is not None]
    assert ends[0][0] == ends[2][0] == ends[1][1] == 50
    assert ends[0][1] < ends[2][1] == 100


def test_the_page_needs_nothing_but_itself(facts: ComparisonFacts, page_of: PageOf) -> None:
    first, second = facts.evaluations
    names = (EVIL, *first.image_ids[1:])
    classes = (replace(first.classes[0], name=EVIL), *first.classes[1:])
    given = {"name": EVIL, "image_ids": names, "classes": classes}
    evil = (replace(first, **given), replace(second, **given))
    by_class = dict(zip(classes, facts.comparison.by_class.values(), strict=True))
    comparison = replace(facts.comparison, by_class=by_class)
    page, text = page_of(
        replace(facts, names=(EVIL, "b"), evaluations=evil, comparison=comparison, command=EVIL)
    )
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\(|@import|https?:|<script", text)
    assert page.words.count(EVIL) >= 5
    assert page.of("html") == [{"lang": "en"}]
    assert len(page.of("caption")) == len(page.of("table"))
    assert [one["id"] for one in page.of("section")] == ["classes", "curves", "images"]


def test_images_are_told_by_name_where_no_picture_is_at_hand(
    facts: ComparisonFacts, page_of: PageOf
) -> None:
    page, text = page_of(facts)
    assert page.of("img") == []
    better, worse = text.split("The second does better</h3>")[1].split("The first does better</h3>")
    # On the first nine images, the second finds the traffic light; from 10 to 24, the cat.
    assert re.findall(r'row"><span>(image\d+)<', better)[:2] == ["image0", "image1"]
    assert re.findall(r'row"><span>(image\d+)<', worse) == ["image9"]
    assert "dog \u22121" in worse


def test_pictures_that_are_at_hand_are_shown(
    facts: ComparisonFacts, page_of: PageOf, tmp_path: Path
) -> None:
    Image.new("RGB", (200, 100), "red").save(tmp_path / "red.png")
    (tmp_path / "bad.png").write_text("no picture")
    pictures = {"image9": tmp_path / "red.png", "image0": tmp_path / "bad.png"}
    page, _ = page_of(replace(facts, pictures=pictures))
    (picture,) = page.of("img")
    assert (picture["width"], picture["height"]) == ("320", "160")
    assert picture["src"].startswith("data:image/webp;base64,UklGR")
    assert picture["alt"] == (
        "Of 2 objects the first finds 2, the second 1; false: 0 and 0, in image9"
    )
    assert "1 picture could not be read; the first: " in page.words


def test_detectors_that_do_not_differ_have_no_section_of_images(
    facts: ComparisonFacts, page_of: PageOf
) -> None:
    first, _ = facts.evaluations
    resampled = resample(first, seed=0, resamples=50)
    page, _ = page_of(
        replace(facts, evaluations=(first, first), comparison=compare(resampled, resampled))
    )
    assert [one["id"] for one in page.of("section")] == ["classes", "curves"]
    assert "cannot be told apart" in page.words
    assert "gains most" not in page.words
    assert "loses most" not in page.words
