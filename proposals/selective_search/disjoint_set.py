"""A disjoint-set forest (union-find) of nodes with sizes: path compression, union by size.

``parents`` holds for each node another of its set, or, for the root, which stands for the set,
the root itself; ``sizes`` holds at each root the number of pixels in its set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, subroutine


@subroutine
def find(parents: NDArray[np.int32], node: Number) -> Number:
    """Return the root of a node's set, and hang the node directly below it."""
    # Trees are flat: two steps nearly always reach the root. Taken without asking, they spare
    # the processor a branch that it would guess badly.
    root = parents[parents[node]]
    above = parents[root]
    while above != root:
        root = parents[above]
        above = parents[root]
    parents[node] = root
    return root


@subroutine
def union(parents: NDArray[np.int32], sizes: NDArray[np.int32], a: Number, b: Number) -> Number:
    """Hang the smaller of two roots below the larger, and return that one."""
    if sizes[a] < sizes[b]:
        a, b = b, a
    parents[b] = a
    sizes[a] += sizes[b]
    return a


@subroutine
def limit(inner: Number, k: np.float32, size: Number) -> Number:
    """Return the weight up to which an edge joins a region, in single precision as published.

    That is its largest ``inner`` edge plus k / its size (segment-graph.h).
    """
    return inner + k / np.float32(size)
