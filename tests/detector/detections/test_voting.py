from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.detections.voting import vote
from proposals.boxes import pairwise_iou


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def scores(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def random_boxes(count: int, seed: int) -> NDArray[np.float32]:
    corners = np.random.default_rng(seed).uniform(0, 50, (count, 2, 2))
    return np.hstack([corners.min(axis=1), corners.max(axis=1)]).astype(np.float32)


def test_no_boxes_stay_none() -> None:
    assert vote(boxes(), boxes(), scores(), min_iou=0.5, exponent=3).shape == (0, 4)
    some = boxes((0, 0, 5, 5))
    assert vote(boxes(), some, scores(1), min_iou=0.5, exponent=3).shape == (0, 4)


def test_a_box_nobody_overlaps_stays_as_it_is() -> None:
    some = boxes((1.5, 0, 5, 7), (20, 20, 40, 40))
    voted = vote(some, some, scores(0.3, 0.9), min_iou=0.5, exponent=3)
    np.testing.assert_array_equal(voted, some)


@pytest.mark.parametrize(
    ("exponent", "right"), [(0, 11), (1, (10 * 0.8 + 12 * 0.4) / 1.2), (2, (10 * 4 + 12) / 5)]
)
def test_voters_weigh_their_score_to_a_power(exponent: float, right: float) -> None:
    both = boxes((0, 0, 10, 10), (0, 0, 12, 10))
    (voted,) = vote(both[:1], both, scores(0.8, 0.4), min_iou=0.5, exponent=exponent)
    assert voted.tolist() == pytest.approx([0, 0, right, 10])


def test_an_overlap_of_just_the_least_counts() -> None:
    both = boxes((0, 0, 10, 10), (0, 0, 20, 10))  # IoU 0.5
    above = float(np.nextafter(np.float32(0.5), np.float32(1)))
    counted = vote(both[:1], both, scores(1, 1), min_iou=0.5, exponent=1)
    left_out = vote(both[:1], both, scores(1, 1), min_iou=above, exponent=1)
    assert (counted.tolist(), left_out.tolist()) == ([[0, 0, 15, 10]], [[0, 0, 10, 10]])


@pytest.mark.parametrize("exponent", [0.5, 1, 3, 400])
def test_a_box_stays_where_nobody_weighs_anything(exponent: float) -> None:
    both = boxes((0, 0, 10, 10), (0, 0, 12, 10))
    voted = vote(both[:1], both, scores(0, 0), min_iou=0.5, exponent=exponent)
    assert voted.tolist() == [[0, 0, 10, 10]]


@given(st.integers(1, 30), st.integers(0, 1000), st.floats(0, 1), st.floats(0, 5))
def test_votes_equal_those_counted_one_by_one(
    count: int, seed: int, min_iou: float, exponent: float
) -> None:
    voters = random_boxes(count, seed)
    worth = np.random.default_rng(seed).uniform(0.01, 1, count).astype(np.float32)
    kept = voters[: count // 2]
    voted = vote(kept, voters, worth, min_iou=min_iou, exponent=exponent)
    for box, found in zip(kept, voted, strict=True):
        total, weight = np.zeros(4), 0.0
        for voter, score in zip(voters, worth.tolist(), strict=True):
            if pairwise_iou(box[None], voter[None])[0, 0] >= min_iou:
                total += voter * score**exponent
                weight += score**exponent
        assert found.tolist() == pytest.approx((total / weight).tolist(), rel=1e-5)
        assert (found >= voters.min(axis=0)).all()
        assert (found <= voters.max(axis=0)).all()
