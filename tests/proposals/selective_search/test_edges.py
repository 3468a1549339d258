from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from proposals.selective_search.edges import (
    POSITION,
    packed,
    sort_space,
    sorted_by_weight,
    weight_of,
)


@numba.njit
def pack_all(weights: NDArray[np.float32]) -> NDArray[np.int64]:
    edges = np.empty(weights.size, np.int64)
    for i in range(weights.size):
        edges[i] = packed(weights[i], i)
    return edges


@numba.njit
def unpacked(edge: np.int64) -> Any:
    return weight_of(edge)


@pytest.mark.parametrize("count", [0, 1, 2, 40, 300, 5000])
@pytest.mark.parametrize("most", [1, 3, 400], ids=["equal", "few", "many"])
def test_edges_sort_by_weight_and_keep_the_order_of_equal_ones(count: int, most: int) -> None:
    weights = np.random.default_rng(count).integers(0, most, count).astype(np.float32) / 7
    found = sorted_by_weight(pack_all(weights), sort_space(count + 3))
    assert (found & POSITION).tolist() == np.argsort(weights, kind="stable").tolist()


def test_any_weight_has_its_place() -> None:
    weights = np.array([np.inf, 441.7, 1, 1 + 1e-7, 0.016, 1e-30, 1e-40, 0], np.float32)
    found = sorted_by_weight(pack_all(weights), sort_space(weights.size))
    assert [float(unpacked(edge)) for edge in found] == sorted(weights.tolist())
