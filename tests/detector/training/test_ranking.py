from __future__ import annotations

import numpy as np
import pytest

from detector.training.ranking import describe_image, learn_ranking
from proposals import Proposals

SIZE = (100, 100)
OBJECT = np.array([[20, 20, 60, 60]], np.float32)
NOTHING = OBJECT[:0]


def proposals(seed: int) -> tuple[Proposals, Proposals]:
    corners = np.sort(np.random.RandomState(seed).uniform(0, 100, (30, 2, 2)), axis=1)
    boxes = corners.reshape(-1, 4).astype(np.float32)
    near = OBJECT + np.random.RandomState(seed).uniform(-2, 2, (3, 4)).astype(np.float32)
    return (
        Proposals.of_one_source(boxes, SIZE, "selective_search"),
        Proposals.of_one_source(near, SIZE, "multibox", [0.9, 0.8, 0.7]),
    )


@pytest.mark.parametrize("objects", [0, 1])
def test_boxes_on_an_object_are_worth_most(objects: int) -> None:
    described = describe_image(*proposals(0), OBJECT[:objects], NOTHING)
    assert described.features.shape[0] == len(described.values) == 33
    assert (described.values[-3:] > 0.8).all() == bool(objects)
    assert (described.values >= 0).all()
    assert (described.values <= 1).all()


def test_what_is_learned_prefers_them() -> None:
    ranking = learn_ranking(
        [describe_image(*proposals(seed), OBJECT, NOTHING) for seed in range(5)], 0
    )
    unseen = describe_image(*proposals(9), OBJECT, NOTHING)
    qualities = ranking.qualities(unseen.features)
    assert qualities[-3:].min() > np.median(qualities[:-3])
    again = learn_ranking(
        [describe_image(*proposals(seed), OBJECT, NOTHING) for seed in range(5)], 0
    )
    np.testing.assert_array_equal(again.qualities(unseen.features), qualities)


def test_nothing_is_learned_from_boxes_that_show_an_unclear_object() -> None:
    everything = describe_image(*proposals(0), NOTHING, NOTHING)
    hidden = describe_image(*proposals(0), NOTHING, OBJECT)
    assert len(hidden.values) <= len(everything.values) - 3  # those of MultiBox, all on it
    assert len(hidden.features) == len(hidden.values)
    # What shows an object at least as well as the unclear one is worth what the object says.
    both = describe_image(*proposals(0), OBJECT, OBJECT)
    np.testing.assert_array_equal(
        both.values, describe_image(*proposals(0), OBJECT, NOTHING).values
    )
