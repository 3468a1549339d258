"""Superpixels by graph-based segmentation (Felzenszwalb & Huttenlocher, IJCV 2004).

The result is that of Kruskal's algorithm with the paper's condition, all edges between pixels
by ascending weight. Most of the work is done once for all k, in `grains` and `pixel_graph`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel
from proposals.selective_search.disjoint_set import find, limit, union
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
    grains, weights, ends, _ = graph
    parents, sizes = np.arange(grains.sizes.size, dtype=np.int32), grains.sizes.copy()
    apart = np.empty(weights.size, np.int32)
    limits = grains.inner + np.float32(k) / grains.sizes.astype(np.float32)
    count = _join(weights, ends, np.float32(k), parents, sizes, limits, apart)
    _join_small(ends, apart[:count], min_size, parents, sizes)
    labels = np.empty(grains.labels.shape, np.int32)
    _label(grains.labels, parents, np.full(parents.size, -1, np.int32), labels)
    return labels


@kernel
def _join(
    weights: NDArray[np.float32],
    ends: NDArray[np.int32],
    k: np.float32,
    parents: NDArray[np.int32],
    sizes: NDArray[np.int32],
    limits: NDArray[np.float32],
    apart: NDArray[np.int32],
) -> int:
    """Join grains by the rule of the paper.

    ``limits`` is, at the root of a region, its largest inner edge plus k / its size. The edges
    that join nothing though their ends are apart are listed in ``apart``; returns how many.
    """
    count = 0
    for edge in range(weights.size):
        a, b = find(parents, ends[edge, 0]), find(parents, ends[edge, 1])
        if a == b:
            continue
        weight = weights[edge]
        if weight <= min(limits[a], limits[b]):
            root = union(parents, sizes, a, b)
            limits[root] = limit(weight, k, sizes[root])
        else:
            apart[count] = edge
            count += 1
    return count


@kernel
def _join_small(
    ends: NDArray[np.int32],
    apart: NDArray[np.int32],
    min_size: int,
    parents: NDArray[np.int32],
    sizes: NDArray[np.int32],
) -> None:
    """Join regions that are too small, with what the lightest edge leads to."""
    small = 0
    for region in range(parents.size):
        small += (parents[region] == region) & (sizes[region] < min_size)
    for edge in apart:
        if small == 0:
            return
        a, b = find(parents, ends[edge, 0]), find(parents, ends[edge, 1])
        if a != b and min(sizes[a], sizes[b]) < min_size:
            small -= (sizes[a] < min_size) + (sizes[b] < min_size)
            small += sizes[union(parents, sizes, a, b)] < min_size


@kernel
def _label(
    grains: NDArray[np.int32], parents: NDArray[np.int32], names: NDArray[np.int32], labels: Labels
) -> None:
    """Label pixels by their regions, whose ``names`` are -1 at first.

    Regions are numbered by first appearance, as the grains are that they consist of.
    """
    count = 0
    for grain in range(parents.size):
        root = find(parents, grain)
        if names[root] < 0:
            names[root] = count
            count += 1
    for y in range(grains.shape[0]):
        for x in range(grains.shape[1]):
            labels[y, x] = names[parents[grains[y, x]]]
