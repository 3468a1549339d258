from __future__ import annotations

import numpy as np
import pytest

from proposals.selective_search.edges import (
    BUCKETS,
    bucket_of,
    least_weight,
    packed,
    root_of,
    sorted_by_weight,
    unite,
    weight_of,
)


@pytest.mark.parametrize("count", [0, 1, 2, 40, 41, 300, 5000])
@pytest.mark.parametrize("most", [1, 3, 400], ids=["equal", "few", "many"])
def test_edges_sort_by_weight_and_keep_the_order_of_equal_ones(count: int, most: int) -> None:
    weights = np.random.default_rng(count).integers(0, most, count).astype(np.float32) / 7
    keys = np.array([packed(w, i) for i, w in enumerate(weights)], np.int64)
    found = sorted_by_weight(keys, np.empty_like(keys))
    assert (found & 0xFFFFFFFF).tolist() == np.argsort(weights, kind="stable").tolist()


@pytest.mark.parametrize("weight", [0, 1e-30, 1e-3, 0.016, 1, 1.06, 441.7])
def test_a_weight_lies_between_the_bounds_of_its_bucket(weight: float) -> None:
    single = np.float32(weight)
    bucket = bucket_of(int(single.view(np.int32)))
    assert 0 <= bucket < BUCKETS - 1  # the last one is for edges that leave the image
    assert least_weight(bucket) <= single
    assert bucket < 2 or single < least_weight(bucket + 1)
    assert weight_of(packed(single, 5)) == single


def test_regions_hang_together_and_know_their_size() -> None:
    parents = np.full(6, -1, np.int32)
    for a, b in ((0, 1), (2, 3), (1, 3), (3, 5)):
        unite(parents, root_of(parents, a), root_of(parents, b))
    root = root_of(parents, 0)
    assert {root_of(parents, node) for node in (0, 1, 2, 3, 5)} == {root}
    assert (parents[root], parents[4]) == (-5, -1)
