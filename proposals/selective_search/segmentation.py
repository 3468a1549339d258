"""Superpixels by graph-based segmentation (Felzenszwalb & Huttenlocher, IJCV 2004).

The result is that of Kruskal's algorithm with the paper's condition, all edges between pixels
by ascending weight, but only a part of them is ever sorted: most are inside a grain of
`pixel_graph`, and of each bucket of similar weight those that cannot join anything any more
are dropped before the rest is sorted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, subroutine
from proposals.selective_search.disjoint_set import find, union
from proposals.selective_search.edges import (
    POSITION,
    Candidates,
    least_weight,
    packed,
    sorted_by_weight,
    space_for,
    weight_of,
)
from proposals.selective_search.pixel_graph import PixelGraph, pixel_graph

Labels = NDArray[np.int32]


def segment(planes: NDArray[np.uint8], k: float, min_size: int, sigma: float) -> Labels:
    """Divide an image into superpixels.

    Pixels are nodes, joined to their eight neighbours by edges that weigh the Euclidean
    distance of their smoothed colours. Edges are taken by ascending weight; two regions are
    joined when the edge weighs no more than either region's largest inner edge plus
    ``k`` / its size. Then regions under ``min_size`` are joined with a neighbour.

    Parameters
    ----------
    planes : ndarray, (C, H, W) uint8
        C is 3, or 1 for three equal channels. In any colour space; the scale of ``k`` is
        that of 0-255 values.
    k : float
        Preference for large regions; the paper's k.
    min_size : int
        Smallest region, in pixels.
    sigma : float
        Width of the Gaussian that smooths first, in pixels.

    Returns
    -------
    ndarray, (H, W) int32
        Labels 0 ... n - 1, by first appearance in rows from the top left.
    """
    return segment_graph(pixel_graph(planes, k, sigma), k, min_size)


def segment_graph(graph: PixelGraph, k: float, min_size: int) -> Labels:
    """Divide a graph as `segment` does; labels ``(H, W)`` int32.

    Raises
    ------
    ValueError
        If ``k`` is below the least one that the graph was made for.
    """
    if k < graph.least_k:
        raise ValueError(f"k must be {graph.least_k} or more for this graph, but got {k}")
    parents = -graph.sizes
    limits = graph.inner + k / graph.sizes
    most = int(np.diff(graph.starts, axis=1).sum(axis=0).max()) + 1
    candidates = space_for(most)
    _join(graph, float(k), parents, limits, candidates)
    _join_small(graph, min_size, parents, candidates)
    labels = np.empty(graph.grains.shape, np.int32)
    _label(graph.grains, parents, np.full(parents.size, -1, np.int32), labels)
    return labels


@kernel
def _join(
    graph: PixelGraph,
    k: float,
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    candidates: Candidates,
) -> None:
    """Join grains by the rule of the paper; ``parents`` and ``limits`` as in `pixel_graph`."""
    for bucket in range(graph.starts.shape[1] - 1):
        count = _keep_open(graph, bucket, parents, limits, candidates)
        for key in sorted_by_weight(candidates, count):
            edge = key & POSITION
            a = find(parents, candidates.ends[edge, 0])
            b = find(parents, candidates.ends[edge, 1])
            weight = weight_of(key)
            if a != b and weight <= min(limits[a], limits[b]):
                root = union(parents, a, b)
                limits[root] = weight - k / parents[root]


@subroutine
def _keep_open(
    graph: PixelGraph,
    bucket: int,
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    candidates: Candidates,
) -> int:
    """Copy to ``candidates`` the edges of a bucket that may join two regions; return how many.

    Edges inside a region are left out, and those of a region whose limit lies below the whole
    bucket: nothing joins it any more, so that the limit is final.
    """
    least = least_weight(bucket)
    count = 0
    for strip in range(graph.starts.shape[0]):
        for edge in range(graph.starts[strip, bucket], graph.starts[strip, bucket + 1]):
            a, b = find(parents, graph.ends[edge, 0]), find(parents, graph.ends[edge, 1])
            candidates.keys[0, count] = packed(graph.weights[edge], count)
            candidates.ends[count, 0], candidates.ends[count, 1] = a, b
            count += (a != b) & (limits[a] >= least) & (limits[b] >= least)
    return count


@kernel
def _join_small(
    graph: PixelGraph, min_size: int, parents: NDArray[np.int32], candidates: Candidates
) -> None:
    """Join regions that are too small, with what the lightest edge leads to."""
    for bucket in range(graph.starts.shape[1] - 1):
        count = _keep_small(graph, bucket, min_size, parents, candidates)
        for key in sorted_by_weight(candidates, count):
            edge = key & POSITION
            a = find(parents, candidates.ends[edge, 0])
            b = find(parents, candidates.ends[edge, 1])
            if a != b and -max(parents[a], parents[b]) < min_size:
                union(parents, a, b)


@subroutine
def _keep_small(
    graph: PixelGraph,
    bucket: int,
    min_size: int,
    parents: NDArray[np.int32],
    candidates: Candidates,
) -> int:
    """Copy to ``candidates`` the edges of a bucket that leave a region that is too small."""
    count = 0
    for strip in range(graph.starts.shape[0]):
        for edge in range(graph.starts[strip, bucket], graph.starts[strip, bucket + 1]):
            a, b = find(parents, graph.ends[edge, 0]), find(parents, graph.ends[edge, 1])
            candidates.keys[0, count] = packed(graph.weights[edge], count)
            candidates.ends[count, 0], candidates.ends[count, 1] = a, b
            count += (a != b) & (-max(parents[a], parents[b]) < min_size)
    return count


@kernel
def _label(
    grains: NDArray[np.int32], parents: NDArray[np.int32], names: NDArray[np.int32], labels: Labels
) -> None:
    """Label pixels by their regions, whose ``names`` are -1 until one is met."""
    count = 0
    for y in range(grains.shape[0]):
        for x in range(grains.shape[1]):
            root = find(parents, grains[y, x])
            if names[root] < 0:
                names[root] = count
                count += 1
            labels[y, x] = names[root]
