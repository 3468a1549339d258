from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from detector.datasets import ImageAnnotation
from detector.training.split_scores import SplitScores

ROOT = Path(__file__).parents[3]


@pytest.fixture
def temperatures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("shared.temperatures")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_scores_were_made_with_is_found(
    temperatures: ModuleType, temperature: float
) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 4))
    labels = np.array(
        [random.choice(4, p=one / one.sum()) for one in softmax(logits).astype(float)]
    )
    # Scores that are too sharp need a temperature above 1.
    found = temperatures.fit_temperature(softmax(logits * temperature), labels)
    assert found == pytest.approx(temperature, rel=0.05)


def test_each_member_is_flattened_or_sharpened_by_its_own(temperatures: ModuleType) -> None:
    logits = np.random.default_rng(0).normal(0, 2, (5, 3))
    scores = np.stack([softmax(logits), softmax(logits)])
    found = temperatures.at_temperatures(scores, [1.0, 2.0])
    np.testing.assert_allclose(found[0], scores[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], softmax(logits / 2), rtol=1e-5)
    assert found.dtype == np.float32


def test_scores_of_0_and_1_stay_what_they_are(temperatures: ModuleType) -> None:
    found = temperatures.at_temperatures(np.array([[[0, 1, 0]]], np.float32), [1.0])
    np.testing.assert_allclose(found, [[[0, 1, 0]]], atol=1e-8)


def test_regions_are_labelled_by_the_object_that_they_overlap_by_half(
    temperatures: ModuleType,
) -> None:
    cars = ImageAnnotation(
        image_id="a",
        image_path=Path("a.JPEG"),
        image_size=(100, 100),
        class_keys=("sofa", "car", "dog"),
        boxes_xyxy=np.array([[0, 0, 40, 40], [50, 0, 90, 40], [50, 50, 90, 90]], np.float32),
    )
    nothing = ImageAnnotation("b", Path("b.JPEG"), (100, 100), (), np.zeros((0, 4), np.float32))
    # A sofa, which is no class; a car; a dog by half, and by a little less; background.
    boxes = [[0, 0, 40, 40], [50, 0, 90, 44], [50, 50, 90, 70], [50, 50, 90, 69], [50, 0, 90, 40]]
    split = SplitScores(
        image_sizes=np.full((2, 2), 100),
        counts=np.array([4, 1]),
        boxes_xyxy=np.array(boxes, np.float32),
        member_scores=np.zeros((1, 5, 3), np.float32),
    )
    labels = temperatures.region_labels(split, [cars, nothing], ["dog", "car"])
    assert labels.tolist() == [0, 2, 1, 0, 0]
