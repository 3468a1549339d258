from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from proposals.evaluation.coverage import covered
from proposals.evaluation.report import IOU_THRESHOLDS, GeneratorReport, Objects, Tally, report

Boxes = NDArray[np.float32]
NONE = np.zeros((0, 4), np.float32)


def random_boxes(random: np.random.Generator, count: int) -> Boxes:
    corners = random.uniform(0, 200, (count, 4))
    return np.concatenate(
        [np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])],
        axis=1,
    ).astype(np.float32)


@pytest.fixture(scope="module")
def truths() -> list[tuple[Boxes, list[str]]]:
    """Return the objects of twelve images, some without any."""
    random = np.random.default_rng(0)
    counts = random.integers(0, 4, 12)
    return [(random_boxes(random, n), ["car", "dog", "car"][:n]) for n in counts]


@pytest.fixture(scope="module")
def found() -> dict[str, list[Boxes]]:
    random = np.random.default_rng(1)
    few = [random_boxes(random, n) for n in random.integers(0, 60, 12)]
    return {"few": few, "more": [np.concatenate([b, random_boxes(random, 100)]) for b in few]}


@pytest.fixture(scope="module")
def reports(
    truths: list[tuple[Boxes, list[str]]], found: dict[str, list[Boxes]]
) -> dict[str, GeneratorReport]:
    tallies = {name: Tally() for name in found}
    for name, seconds in (("few", 0.5), ("more", None)):
        for boxes, (true_boxes, _) in zip(found[name], truths, strict=True):
            tallies[name].add(boxes, true_boxes, seconds)
    return report(Objects.gather(truths), tallies, budgets=[10, 50], baseline="few")


def test_coverage_is_that_of_the_images_taken_one_by_one(
    truths: list[tuple[Boxes, list[str]]],
    found: dict[str, list[Boxes]],
    reports: dict[str, GeneratorReport],
) -> None:
    for name, one in reports.items():
        for key, count in (("10", 10), ("50", 50), ("all", None)):
            shares = [
                share
                for boxes, (true_boxes, _) in zip(found[name], truths, strict=True)
                for share in covered(boxes[:count], true_boxes).tolist()
            ]
            assert one.by_budget[key].any.at_50 == pytest.approx(np.mean(shares))
            assert one.by_budget[key].objects == len(shares)


def test_boxes_and_seconds_are_averaged(
    found: dict[str, list[Boxes]], reports: dict[str, GeneratorReport]
) -> None:
    counts = [len(boxes) for boxes in found["few"]]
    assert reports["few"].boxes_mean == pytest.approx(np.mean(counts))
    assert reports["few"].boxes_median == np.median(counts)
    assert reports["few"].seconds_median == 0.5
    assert math.isnan(reports["more"].seconds_median)


def test_parts_agree_with_each_other(reports: dict[str, GeneratorReport]) -> None:
    for one in reports.values():
        whole = one.by_budget["all"]
        assert all(list(of_size) == list(one.by_budget) for of_size in one.by_size.values())
        for key, quality in one.by_budget.items():
            sizes = [of_size[key] for of_size in one.by_size.values()]
            assert sum(one_size.objects for one_size in sizes) == quality.objects
            found = sum(s.one_to_one.at_50 * s.objects for s in sizes if s.objects)
            assert found == pytest.approx(quality.one_to_one.at_50 * quality.objects)
        assert np.mean([single.abo for single in one.abo.values()]) == pytest.approx(whole.mabo)
        assert sum(single.objects for single in one.abo.values()) == whole.objects
        assert list(one.recall_by_iou) == list(one.by_budget) == ["10", "50", "all"]
        for key, recalls in one.recall_by_iou.items():
            assert len(recalls) == len(IOU_THRESHOLDS)
            assert recalls[0] == one.by_budget[key].one_to_one.at_50
            assert recalls[IOU_THRESHOLDS.index(0.7)] == one.by_budget[key].one_to_one.at_70
        assert one.curve.boxes[0] == 1
        assert one.curve.coverage_50[-1] == whole.any.at_50
        assert one.curve.recall_50[-1] == whole.one_to_one.at_50
        assert one.curve.average_recall[-1] == whole.one_to_one.average
        assert one.curve.average_recall == sorted(one.curve.average_recall)


def test_more_boxes_are_compared_with_fewer(reports: dict[str, GeneratorReport]) -> None:
    few, more = reports["few"], reports["more"]
    assert few.against_baseline is None
    beside = more.against_baseline
    assert beside is not None
    assert beside.boxes == pytest.approx(more.boxes_mean / few.boxes_mean)
    assert math.isnan(beside.seconds)
    gain = more.by_budget["all"].any.at_50 - few.by_budget["all"].any.at_50
    assert beside.coverage_50.estimate == pytest.approx(gain)
    assert 0 <= beside.coverage_50.low <= gain <= beside.coverage_50.high
    average = more.by_budget["all"].one_to_one.average - few.by_budget["all"].one_to_one.average
    assert beside.average_recall.estimate == pytest.approx(average)
    assert 0 < beside.average_recall.low < average < beside.average_recall.high


@pytest.mark.parametrize("images", [[], [(NONE, [])]], ids=["no images", "no objects"])
def test_where_nothing_is_shares_are_not_numbers(images: list[tuple[Boxes, list[str]]]) -> None:
    tallies = {name: Tally() for name in "ab"}
    for tally in tallies.values():
        for true_boxes, _ in images:
            tally.add(NONE, true_boxes)
    one = report(Objects.gather(images), tallies, budgets=[5], baseline="a")["b"]
    assert one.by_budget["all"].objects == 0
    assert math.isnan(one.by_budget["5"].any.at_50)
    assert one.abo == {}
    assert one.against_baseline is not None
    assert math.isnan(one.against_baseline.boxes)
    assert math.isnan(one.against_baseline.coverage_50.estimate)
