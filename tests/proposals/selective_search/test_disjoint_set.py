from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from proposals.selective_search.disjoint_set import find, union


def forest(nodes: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return np.arange(nodes, dtype=np.int32), np.ones(nodes, np.int32)


@numba.njit
def join_all(
    parents: NDArray[np.int32], sizes: NDArray[np.int32], pairs: NDArray[np.int64]
) -> None:
    for i in range(pairs.shape[0]):
        a, b = find(parents, pairs[i, 0]), find(parents, pairs[i, 1])
        if a != b:
            union(parents, sizes, a, b)


@numba.njit
def roots(parents: NDArray[np.int32]) -> list[int]:
    return [find(parents, node) for node in range(parents.size)]


def test_sets_hang_together_and_know_their_size() -> None:
    parents, sizes = forest(6)
    join_all(parents, sizes, np.array([(0, 1), (2, 3), (1, 3), (3, 5), (0, 5)]))
    found = roots(parents)
    assert len({found[node] for node in (0, 1, 2, 3, 5)}) == 1
    assert found[4] == 4
    assert (sizes[found[0]], sizes[4]) == (5, 1)


def test_the_smaller_set_goes_below_the_larger() -> None:
    parents, sizes = forest(4)
    join_all(parents, sizes, np.array([(0, 1), (1, 2)]))
    root = roots(parents)[0]
    join_all(parents, sizes, np.array([(3, 0)]))
    assert roots(parents) == [root] * 4


def test_the_root_of_a_long_branch_is_found() -> None:
    parents = np.array([0, 0, 1, 2, 3, 4, 5], np.int32)  # a chain, as no union leaves it
    assert roots(parents) == [0] * 7
    assert parents[6] == 0
