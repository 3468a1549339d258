"""Superpixels by graph-based segmentation (Felzenszwalb & Huttenlocher, IJCV 2004).

The result is that of taking all edges between pixels by ascending weight, but only a part of
them is ever sorted: most are inside a grain of `pixel_graph`, and of each bucket of similar
weight those that cannot join anything any more are dropped before the rest is sorted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel
from proposals.selective_search.edges import (
    POSITION,
    Room,
    least_weight,
    packed,
    root_of,
    sorted_by_weight,
    unite,
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
    room = Room(np.empty((2, most), np.int64), np.empty((most, 2), np.int32))
    _join(graph, float(k), parents, limits, room)
    _join_small(graph, min_size, parents, room)
    return _number(graph.grains, parents)


@kernel
def _join(
    graph: PixelGraph,
    k: float,
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    room: Room,
) -> None:
    """Join grains by the rule of the paper; ``parents`` and ``limits`` as in `pixel_graph`."""
    for bucket in range(graph.starts.shape[1] - 1):
        count = _keep_open(graph, bucket, parents, limits, room)
        for key in sorted_by_weight(room.order[0, :count], room.order[1, :count]):
            ends = room.ends[key & POSITION]
            a, b = root_of(parents, ends[0]), root_of(parents, ends[1])
            weight = weight_of(key)
            if a != b and weight <= min(limits[a], limits[b]):
                union = unite(parents, a, b)
                limits[union] = weight - k / parents[union]


@kernel
def _keep_open(
    graph: PixelGraph,
    bucket: int,
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    room: Room,
) -> int:
    """Copy to ``room`` the edges of a bucket that may join two regions; return how many.

    Edges inside a region are left out, and those of a region whose limit lies below the whole
    bucket: nothing joins it any more, so that the limit is final.
    """
    least = least_weight(bucket)
    count = 0
    for strip in range(graph.starts.shape[0]):
        for edge in range(graph.starts[strip, bucket], graph.starts[strip, bucket + 1]):
            a, b = root_of(parents, graph.ends[edge, 0]), root_of(parents, graph.ends[edge, 1])
            room.order[0, count] = packed(graph.weights[edge], count)
            room.ends[count, 0], room.ends[count, 1] = a, b
            count += (a != b) & (limits[a] >= least) & (limits[b] >= least)
    return count


@kernel
def _join_small(graph: PixelGraph, min_size: int, parents: NDArray[np.int32], room: Room) -> None:
    """Join regions that are too small, with what the lightest edge leads to."""
    for bucket in range(graph.starts.shape[1] - 1):
        count = _keep_small(graph, bucket, min_size, parents, room)
        for key in sorted_by_weight(room.order[0, :count], room.order[1, :count]):
            ends = room.ends[key & POSITION]
            a, b = root_of(parents, ends[0]), root_of(parents, ends[1])
            if a != b and -max(parents[a], parents[b]) < min_size:
                unite(parents, a, b)


@kernel
def _keep_small(
    graph: PixelGraph, bucket: int, min_size: int, parents: NDArray[np.int32], room: Room
) -> int:
    """Copy to ``room`` the edges of a bucket that leave a region that is too small."""
    count = 0
    for strip in range(graph.starts.shape[0]):
        for edge in range(graph.starts[strip, bucket], graph.starts[strip, bucket + 1]):
            a, b = root_of(parents, graph.ends[edge, 0]), root_of(parents, graph.ends[edge, 1])
            room.order[0, count] = packed(graph.weights[edge], count)
            room.ends[count, 0], room.ends[count, 1] = a, b
            count += (a != b) & (-max(parents[a], parents[b]) < min_size)
    return count


@kernel
def _number(grains: NDArray[np.int32], parents: NDArray[np.int32]) -> Labels:
    height, width = grains.shape
    labels = np.empty((height, width), np.int32)
    names = np.full(parents.size, -1, np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            root = root_of(parents, grains[y, x])
            if names[root] < 0:
                names[root] = count
                count += 1
            labels[y, x] = names[root]
    return labels
