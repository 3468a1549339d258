"""A disjoint-set forest (union-find) of nodes with sizes: path halving, union by size.

It is one array of whole numbers. ``parents`` holds for each node another of its set, or, for
the root, which stands for the set, the negated number of pixels in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, subroutine


@subroutine
def find(parents: NDArray[np.int32], node: Number) -> Number:
    """Return the root of a node's set."""
    parent = parents[node]
    while parent >= 0:
        above = parents[parent]
        if above < 0:
            return parent
        parents[node] = above  # halving the path keeps trees flat
        node = above
        parent = parents[node]
    return node


@subroutine
def union(parents: NDArray[np.int32], a: Number, b: Number) -> Number:
    """Hang the smaller of two roots below the larger, and return that one."""
    if parents[b] < parents[a]:
        a, b = b, a
    parents[a] += parents[b]
    parents[b] = a
    return a
