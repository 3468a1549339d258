from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proposals.evaluation.bootstrap import paired_difference


@pytest.mark.parametrize("counts", [[], [0], [0, 0]])
def test_without_objects_there_is_no_difference(counts: list[int]) -> None:
    found = paired_difference(np.zeros(0), np.array(counts, np.int64), seed=0)
    assert all(map(math.isnan, (found.estimate, found.low, found.high)))


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), max_size=4), max_size=6))
def test_it_is_that_of_images_drawn_one_by_one(images: list[list[float]]) -> None:
    gains = np.array([gain for image in images for gain in image])
    counts = np.array([len(image) for image in images], np.int64)
    found = paired_difference(gains, counts, seed=3, resamples=50)
    labelled = [image for image in images if image]
    if not labelled:
        return
    random = np.random.default_rng(3)
    means = []
    for _ in range(50):
        drawn = [labelled[i] for i in random.integers(len(labelled), size=len(labelled))]
        means.append(np.mean([gain for image in drawn for gain in image]))
    assert found.estimate == pytest.approx(gains.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_the_interval_of_independent_objects_is_that_of_the_normal_distribution() -> None:
    gains = np.random.default_rng(0).normal(0.1, 1.0, 400)
    found = paired_difference(gains, np.ones(400, np.int64), seed=0)
    half = 1.96 * gains.std() / 20
    assert found.low == pytest.approx(gains.mean() - half, abs=0.02)
    assert found.high == pytest.approx(gains.mean() + half, abs=0.02)


def test_objects_of_one_image_count_as_one_observation() -> None:
    gains = np.random.default_rng(0).normal(0.0, 1.0, 100)
    alone = paired_difference(gains, np.ones(100, np.int64), seed=0)
    fourfold = paired_difference(gains.repeat(4), np.full(100, 4), seed=0)
    assert (fourfold.low, fourfold.high) == pytest.approx((alone.low, alone.high))


def test_a_seed_repeats() -> None:
    gains, counts = np.random.default_rng(0).normal(size=30), np.full(10, 3)
    first, again, other = (paired_difference(gains, counts, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
