from __future__ import annotations

import numpy as np
import pytest

from proposals.multibox.priors import PriorLevel, grid_priors, kmeans_priors


def test_a_prior_stands_at_the_centre_of_its_cell() -> None:
    priors = grid_priors([2], [PriorLevel((0.2,), (1.0, 4.0))])
    assert priors.shape == (8, 4)
    np.testing.assert_allclose(priors[0], [0.15, 0.15, 0.35, 0.35], atol=1e-6)
    # Twice as wide, half as tall, of the same area; still in the first cell.
    np.testing.assert_allclose(priors[1], [0.05, 0.2, 0.45, 0.3], atol=1e-6)
    # The next cell lies to the right, the last one at the bottom right.
    np.testing.assert_allclose(priors[2], [0.65, 0.15, 0.85, 0.35], atol=1e-6)
    np.testing.assert_allclose(priors[6], [0.65, 0.65, 0.85, 0.85], atol=1e-6)


def test_levels_follow_each_other() -> None:
    levels = [PriorLevel((0.1, 0.2), (1.0,)), PriorLevel((1.0,), (1.0,))]
    priors = grid_priors([3, 1], levels)
    assert len(priors) == 9 * 2 + 1
    np.testing.assert_allclose(priors[-1], [0, 0, 1, 1], atol=1e-6)


def test_no_grid_gives_no_priors_of_it() -> None:
    assert grid_priors([0], [PriorLevel((0.1,), (1.0,))]).shape == (0, 4)


def test_centroids_find_the_groups_of_boxes() -> None:
    random = np.random.RandomState(0)
    centres = np.array([[0.1, 0.1, 0.3, 0.3], [0.5, 0.4, 0.9, 0.8]])
    boxes = np.repeat(centres, 50, axis=0) + random.uniform(-0.01, 0.01, (100, 4))
    for seed in range(3):
        priors = kmeans_priors(boxes.astype(np.float32), 2, seed=seed)
        assert priors.dtype == np.float32
        np.testing.assert_allclose(priors[np.argsort(priors[:, 0])], centres, atol=0.01)


def test_the_same_seed_gives_the_same_centroids() -> None:
    boxes = np.random.RandomState(1).uniform(0, 1, (200, 4)).astype(np.float32)
    first, second = (kmeans_priors(boxes, 20, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, kmeans_priors(boxes, 20, seed=4))


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.ones((5, 4))])
def test_more_priors_than_different_boxes_are_refused(boxes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="need as many different boxes"):
        kmeans_priors(boxes.astype(np.float32), 2)
