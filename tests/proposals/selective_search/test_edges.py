from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from proposals.selective_search.edges import (
    BUCKETS,
    POSITION,
    Candidates,
    bucket_of,
    least_weight,
    packed,
    sorted_by_weight,
    space_for,
    weight_of,
)


@numba.njit
def sort(candidates: Candidates, weights: NDArray[np.float32]) -> NDArray[np.int64]:
    for i in range(weights.size):
        candidates.keys[0, i] = packed(weights[i], i)
    return sorted_by_weight(candidates, weights.size)


@numba.njit
def bounds(weight: np.float32) -> tuple[int, Any, Any, Any]:
    key = packed(weight, 5)
    bucket = bucket_of(key >> 32)
    return bucket, least_weight(bucket), least_weight(bucket + 1), weight_of(key)


@pytest.mark.parametrize("count", [0, 1, 2, 40, 41, 300, 5000])
@pytest.mark.parametrize("most", [1, 3, 400], ids=["equal", "few", "many"])
def test_edges_sort_by_weight_and_keep_the_order_of_equal_ones(count: int, most: int) -> None:
    weights = np.random.default_rng(count).integers(0, most, count).astype(np.float32) / 7
    found = sort(space_for(count), weights)
    assert (found & POSITION).tolist() == np.argsort(weights, kind="stable").tolist()


@pytest.mark.parametrize("weight", [0, 1e-30, 1e-3, 0.016, 1, 1.06, 441.7])
def test_a_weight_lies_between_the_bounds_of_its_bucket(weight: float) -> None:
    single = np.float32(weight)
    bucket, least, least_of_next, unpacked = bounds(single)
    assert 0 <= bucket < BUCKETS - 1  # the last one is for edges that leave the image
    assert least <= single
    assert bucket < 2 or single < least_of_next
    assert unpacked == single
