from __future__ import annotations

import numpy as np
import pytest

from detector.cascade import apply_cascade
from detector.classes import select_classes
from detector.config import DetectorConfig
from detector.scoring import GroundTruth, match, score_outcomes
from detector.training.cascade_tuning import try_thresholds
from detector.training.split_scores import SplitScores

CLASSES = select_classes(["dog", "car"])
CONFIG = DetectorConfig(min_score=0)


def make_split(images: int, seed: int) -> tuple[SplitScores, GroundTruth]:
    """Return images of five boxes side by side, one a dog, that two members see dimly."""
    random = np.random.default_rng(seed)
    lefts = np.tile(np.arange(5) * 20, images)
    boxes = np.stack([lefts, 0 * lefts, lefts + 10, 0 * lefts + 10], axis=1).astype(np.float32)
    dogs = random.integers(5, size=images) + 5 * np.arange(images)
    logits = random.normal(size=(2, 5 * images, 3))
    logits[:, dogs, 1] += 1.5
    powers = np.exp(logits)
    scores = (powers / powers.sum(axis=2, keepdims=True)).astype(np.float32)
    split = SplitScores(np.full((images, 2), 100), np.full(images, 5), boxes, scores)
    return split, GroundTruth(np.arange(images), np.full(images, CLASSES[0].id), boxes[dogs])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("allowed", [0.0, 1.0, 3.0])
def test_thresholds_rise_until_one_loses_too_much(seed: int, allowed: float) -> None:
    split, truth = make_split(30, seed)
    trials = list(try_thresholds(split, truth, CLASSES, CONFIG, allowed=allowed))
    maps = []
    for threshold in np.linspace(0, 1, 101):
        found = split.predictions(apply_cascade(split.member_scores, threshold), CLASSES, CONFIG)
        ids = [one.id for one in CLASSES]
        outcomes = match(truth, found, ids, protocol="ilsvrc", image_count=30)
        maps.append(score_outcomes(outcomes, ids).mean_ap)
    lost = [100 * (maps[0] - one) for one in maps]
    good = next((n for n, points in enumerate(lost) if points > allowed), len(maps))
    assert [trial.threshold for trial in trials] == pytest.approx(np.linspace(0, 1, 101)[:good])
    assert [trial.mean_ap for trial in trials] == pytest.approx(maps[:good])
    assert [trial.lost for trial in trials] == pytest.approx(lost[:good])
    shares = [trial.going_on for trial in trials]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)


def test_a_loss_that_is_always_allowed_lets_the_threshold_rise_to_1() -> None:
    split, truth = make_split(10, 0)
    last = list(try_thresholds(split, truth, CLASSES, CONFIG, allowed=100))[-1]
    assert last.threshold == 1
    assert last.going_on == 0


def test_photographs_without_objects_are_refused() -> None:
    split, truth = make_split(2, 0)
    empty = truth.where(np.zeros(2, bool))
    with pytest.raises(ValueError, match="hold no object of the detector's classes"):
        next(try_thresholds(split, empty, CLASSES, CONFIG, allowed=1))


@pytest.mark.parametrize("allowed", [-0.1, float("nan")])
def test_an_impossible_loss_is_refused(allowed: float) -> None:
    split, truth = make_split(2, 0)
    with pytest.raises(ValueError, match="must be 0 or more but got"):
        next(try_thresholds(split, truth, CLASSES, CONFIG, allowed=allowed))
