from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from proposals.evaluation.overlaps import OverlapSteps, best_overlaps, matched_overlaps

Ious = NDArray[np.float32]

# Few values, so that there are many ties, zeros among them.
few_levels = arrays(
    np.float32,
    st.tuples(st.integers(0, 7), st.integers(0, 5)),
    elements=st.sampled_from([np.float32(n / 4) for n in range(5)]),
)
no_ties = st.tuples(st.integers(0, 7), st.integers(0, 5), st.randoms(use_true_random=False)).map(
    lambda drawn: (
        np.array(drawn[2].sample(range(1, 100), drawn[0] * drawn[1]), np.float32).reshape(drawn[:2])
        / 100
    )
)


def best_by_definition(ious: Ious) -> list[float]:
    return [max((row[g] for row in ious.tolist()), default=0.0) for g in range(ious.shape[1])]


def matched_by_definition(ious: Ious, ties: str = "boxes first") -> list[float]:
    """Take the highest pair of those that are left, until none is left."""
    pairs = [(-iou, box, thing) for (box, thing), iou in np.ndenumerate(ious)]
    left = sorted(pairs, key=lambda p: p if ties == "boxes first" else (p[0], p[2], p[1]))
    matched = [0.0] * ious.shape[1]
    while left:
        negative, box, thing = left[0]
        matched[thing] = -float(negative)
        left = [pair for pair in left if pair[1] != box and pair[2] != thing]
    return matched


@pytest.mark.parametrize("ious", [np.zeros((0, 0)), np.zeros((0, 2)), np.zeros((3, 0))])
def test_without_boxes_or_objects_nothing_overlaps(ious: Ious) -> None:
    for follow in (best_overlaps, matched_overlaps):
        steps = follow(ious.astype(np.float32))
        assert len(steps) == ious.shape[1]
        for count in (None, 0, 1, 5):
            assert steps.at(count).tolist() == [0.0] * ious.shape[1]
            assert steps.at(count).dtype == np.float32


@given(few_levels | no_ties)
def test_every_prefix_is_as_if_it_were_all_boxes(ious: Ious) -> None:
    for follow, definition in (
        (best_overlaps, best_by_definition),
        (matched_overlaps, matched_by_definition),
    ):
        steps = follow(ious)
        for count in range(len(ious) + 1):
            assert steps.at(count).tolist() == definition(ious[:count])
        assert steps.at().tolist() == steps.at(len(ious) + 10).tolist() == definition(ious)


@given(few_levels)
def test_of_ties_objects_first_gives_the_same_matching(ious: Ious) -> None:
    # Hosang's own code goes through objects before boxes where pairs are equal.
    assert matched_overlaps(ious).at().tolist() == matched_by_definition(ious, "objects first")


def test_one_box_may_be_the_best_of_two_objects_but_matches_one() -> None:
    ious = np.array([[0.8, 0.9], [0.6, 0.0]], np.float32)
    assert best_overlaps(ious).at().tolist() == pytest.approx([0.8, 0.9])
    assert matched_overlaps(ious).at().tolist() == pytest.approx([0.6, 0.9])
    assert matched_overlaps(ious).at(1).tolist() == pytest.approx([0.0, 0.9])


def test_a_newcomer_can_move_all_others() -> None:
    # The last box takes the first object, whose box takes the second one, and so on.
    ious = np.array([[0.6, 0.5, 0], [0, 0.45, 0.4], [0.7, 0, 0]], np.float32)
    assert matched_overlaps(ious).at(2).tolist() == pytest.approx([0.6, 0.45, 0])
    assert matched_overlaps(ious).at(3).tolist() == pytest.approx([0.7, 0.5, 0.4])


@given(no_ties)
def test_the_order_of_boxes_does_not_matter_once_all_are_there(ious: Ious) -> None:
    expected = matched_overlaps(ious).at().tolist()
    for order in list(permutations(range(len(ious))))[:6]:
        assert matched_overlaps(ious[list(order)]).at().tolist() == expected


@given(st.lists(few_levels, max_size=4), st.integers(0, 8))
def test_joined_images_keep_their_objects(images: list[Ious], count: int) -> None:
    parts = [best_overlaps(ious) for ious in images]
    joined = OverlapSteps.join(iter(parts))
    assert len(joined) == sum(map(len, parts))
    for at in (count, None):
        assert joined.at(at).tolist() == [iou for part in parts for iou in part.at(at).tolist()]
