from __future__ import annotations

import importlib
import runpy
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detector.scoring import GroundTruth, Predictions, match, score_outcomes

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
CLASSES = (1, 2, 3)  # of which the last has no object


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("shared.plain_rules")


@pytest.fixture
def ways(plain: ModuleType) -> list[Sequence[Any]]:
    del plain  # whose folder must be on the path
    names = runpy.run_path(str(BENCHMARKS / "scorers_beside.py"))
    return [(names["START"], *names["TO_VOC"]), (names["START"], *names["TO_COCO"])]


def scene(seed: int) -> tuple[GroundTruth, Predictions]:
    """Return crowded images with ties of score and of IoU, difficult objects and crowds."""
    random = np.random.default_rng(seed)

    def boxes(count: int) -> np.ndarray:
        corners = random.integers(0, 8, (count, 2)) * 5
        return np.hstack([corners, corners + random.choice([5, 10, 40, 60], (count, 2))])

    truth = GroundTruth(
        random.integers(0, 3, 20), random.integers(1, 3, 20), boxes(20).astype(np.float32),
        difficult=random.random(20) < 0.2, crowd=random.random(20) < 0.1,
    )  # fmt: skip
    rows = random.integers(0, 20, 250)
    moved = truth.boxes_xyxy[rows] + random.integers(-1, 2, (250, 1)) * 5
    images = np.where(random.random(250) < 0.8, truth.image_indices[rows], 0)
    return truth, Predictions(
        images, random.integers(1, 4, 250), moved.astype(np.float32), random.integers(0, 5, 250) / 4
    )


@pytest.mark.parametrize("seed", range(4))
def test_each_complete_set_of_rules_is_that_of_the_scorer(
    plain: ModuleType, ways: list[Sequence[Any]], seed: int
) -> None:
    truth, found = scene(seed)
    checked = []
    for steps in ways:
        switches: dict[str, Any] = {}
        for _, changed, protocol in steps:
            switches |= changed
            mean = plain.mean_average_precision(truth, found, CLASSES, plain.Rules(**switches))
            if protocol is not None:
                outcomes = match(truth, found, CLASSES, protocol=protocol, image_count=3)
                expected = score_outcomes(outcomes, CLASSES).mean_ap
                assert mean == pytest.approx(expected, abs=1e-9)
                checked.append(protocol)
    assert checked == ["ilsvrc", "voc", "voc2007", "ilsvrc", "coco"]


def test_nothing_has_no_mean(plain: ModuleType) -> None:
    truth = GroundTruth(*(np.zeros(0, np.int64),) * 2, np.zeros((0, 4), np.float32))
    found = Predictions(*(np.zeros(0, np.int64),) * 2, np.zeros((0, 4), np.float32), np.zeros(0))
    assert np.isnan(plain.mean_average_precision(truth, found, CLASSES, plain.Rules()))
