"""The cascade: which regions go on, and that both ways of it agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.cascade import apply_cascade, survivors


def softmax_scores(members: int, regions: int, seed: int = 0) -> np.ndarray:
    """Return (M, R, 4) scores of random regions."""
    logits = np.random.default_rng(seed).normal(size=(members, regions, 4)) * 2
    powers = np.exp(logits)
    return (powers / powers.sum(axis=2, keepdims=True)).astype(np.float32)


def test_no_regions_have_no_survivors() -> None:
    assert survivors(softmax_scores(1, 0)[0], 0.5).shape == (0,)
    assert apply_cascade(softmax_scores(3, 0), 0.5).shape == (0, 4)


def test_a_region_goes_on_by_its_largest_class_and_not_by_the_background() -> None:
    scores = np.array([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], np.float32)
    assert survivors(scores, 0.3).tolist() == [False, True, True]
    assert survivors(scores, 0).tolist() == [True, True, True]
    assert survivors(scores, 1).tolist() == [False, False, False]


@given(st.integers(1, 4), st.integers(0, 12), st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]))
def test_survivors_get_the_mean_of_all_members_and_others_keep_the_first_ones(
    members: int, regions: int, threshold: float
) -> None:
    scores = softmax_scores(members, regions)
    found = apply_cascade(scores, threshold)
    for region in range(regions):
        of_first = scores[0, region]
        expected = scores[:, region].mean(axis=0) if max(of_first[1:]) >= threshold else of_first
        assert found[region] == pytest.approx(expected, abs=1e-6)


def test_the_scores_given_stay_as_they_were() -> None:
    scores = softmax_scores(2, 5)
    before = scores.copy()
    apply_cascade(scores, 0.2)
    np.testing.assert_array_equal(scores, before)
