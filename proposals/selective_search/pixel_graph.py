"""The graph of an image's pixels that is divided into superpixels, contracted in advance.

In a strip of rows, edges are taken by ascending weight, and a region is left alone from the
first edge on that does not join it, or leads out of the strip. What has grown until then by
the smallest k, a grain, every segmentation would have grown in the same way: all edges that
could have touched it are known, and a larger k joins wherever a smaller one does. So most
pixels are joined once for all k, in a part of memory that the processor holds at hand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, subroutine
from proposals.selective_search.disjoint_set import find, union
from proposals.selective_search.edges import (
    BUCKETS,
    POSITION,
    Candidates,
    least_weight,
    packed,
    sorted_by_weight,
    space_for,
    weight_of,
)
from proposals.selective_search.filters import gaussian_smooth
from proposals.selective_search.pixel_edges import (
    Weights,
    deal,
    edge_weights,
    list_edges,
    steps,
    thin_out,
    unpack,
)

_STRIP = 64  # rows; more of them make better grains, fewer stay in the processor's cache


class PixelGraph(NamedTuple):
    """The 8-connected graph of an image's pixels, contracted to grains.

    One graph serves all segmentations with a k from that of `pixel_graph` upwards.
    """

    grains: NDArray[np.int32]  # (H, W) grain of each pixel, 0 ... n - 1
    sizes: NDArray[np.int32]  # (n,) pixels
    inner: NDArray[np.float32]  # (n,) largest inner edge
    weights: NDArray[np.float32]  # (E,) of edges; strip by strip, bucket by bucket, by position
    ends: NDArray[np.int32]  # (E, 2) grains
    starts: NDArray[np.int64]  # (strips, buckets + 1) where each bucket begins and ends
    least_k: float


def pixel_graph(planes: NDArray[np.uint8], least_k: float, sigma: float) -> PixelGraph:
    """Smooth an image and return the graph that `segment_graph` divides.

    Parameters
    ----------
    planes : ndarray, (C, H, W) uint8
        C is 3, or 1 for three equal channels.
    least_k : float
        The smallest k that the graph will be divided by.
    sigma : float
        Width of the Gaussian, in pixels.
    """
    smoothed = gaussian_smooth(planes, sigma)
    _, height, width = smoothed.shape
    graph = _space_for_graph(height, width, float(least_k))
    space = _space_for_strip(min(_STRIP + 2, height) * width)
    count = edges = 0
    for strip in range(len(graph.starts)):
        first, last = strip * _STRIP, min((strip + 1) * _STRIP, height)
        top, bottom = max(first - 1, 0), min(last + 1, height)  # one row more each way
        own = slice((first - top) * width, (last - top) * width)
        weights = edge_weights(smoothed[:, top:bottom])
        parents = _grow_strip(thin_out(weights, width), width, own, graph.least_k, space)
        edges = _file_edges(graph, strip, weights, parents, own, top * width, edges, space)
        grains = graph.grains[first:last].reshape(-1)
        names = np.full(parents.size, -1, np.int32)
        count = _name_grains(
            parents, own.start, space.largest, names, grains, graph.sizes, graph.inner, count
        )
    _ends_to_grains(graph.ends[:edges], graph.grains.reshape(-1))
    return graph._replace(
        sizes=graph.sizes[:count],
        inner=graph.inner[:count],
        weights=graph.weights[:edges],
        ends=graph.ends[:edges],
    )


def _space_for_graph(height: int, width: int, least_k: float) -> PixelGraph:
    """Return a graph with space for as many grains and edges as there can be."""
    pixels = height * width
    return PixelGraph(
        grains=np.empty((height, width), np.int32),
        sizes=np.empty(pixels, np.int32),
        inner=np.empty(pixels, np.float32),
        weights=np.empty(4 * pixels + 1, np.float32),
        ends=np.empty((4 * pixels + 1, 2), np.int32),
        starts=np.zeros((-(-height // _STRIP), BUCKETS), np.int64),
        least_k=least_k,
    )


class _Space(NamedTuple):
    """What strips are worked on in, one after the other."""

    listed: NDArray[np.int64]  # (4 * pixels + 1,) edges of the strip, packed, by position
    dealt: NDArray[np.int64]  # (4 * pixels + 1,) the same by bucket
    bucket_starts: NDArray[np.int64]  # (BUCKETS,)
    bucket_ends: NDArray[np.int64]  # (BUCKETS,)
    candidates: Candidates
    roots: NDArray[np.int32]  # (pixels,)
    largest: NDArray[np.float32]  # (pixels,) inner edge of each root's region


def _space_for_strip(pixels: int) -> _Space:
    edges = 4 * pixels + 1
    return _Space(
        np.empty(edges, np.int64),
        np.empty(edges, np.int64),
        np.empty(BUCKETS, np.int64),
        np.empty(BUCKETS, np.int64),
        space_for(edges),
        np.empty(pixels, np.int32),
        np.empty(pixels, np.float32),
    )


def _grow_strip(
    thin: Weights, width: int, own: slice, k: float, space: _Space
) -> NDArray[np.int32]:
    """Grow the grains of a strip, whose ``own`` pixels are not of its neighbours.

    Returns their disjoint sets; the largest inner edges are left in ``space.largest``.
    """
    listed = space.listed[: list_edges(thin, space.listed)]
    deal(listed, space.dealt, space.bucket_starts, space.bucket_ends)
    pixels = thin.shape[1]
    parents, limits = np.full(pixels, -1, np.int32), np.full(pixels, k)
    limits[: own.start] = limits[own.stop :] = -1  # what happens beyond the strip is not known
    space.largest.fill(0)
    _grow_grains(
        space.dealt,
        space.bucket_starts,
        steps(width),
        k,
        parents,
        limits,
        space.largest,
        space.candidates,
    )
    return parents


def _file_edges(
    graph: PixelGraph,
    strip: int,
    weights: Weights,
    parents: NDArray[np.int32],
    own: slice,
    offset: int,
    edges: int,
    space: _Space,
) -> int:
    """Add a strip's edges between grains to the graph, which has ``edges`` until then.

    Their ends are pixels, counted in the image, where the strip begins at ``offset``. Returns
    how many edges there are then.
    """
    ways = steps(graph.grains.shape[1])
    outer = _list_outer(weights, ways, parents, space.roots, own.start, own.stop, space.listed)
    deal(space.listed[:outer], space.dealt, graph.starts[strip], space.bucket_ends)
    graph.starts[strip] += edges
    unpack(space.dealt[:outer], ways, offset, graph.weights[edges:], graph.ends[edges:])
    return edges + outer


@kernel
def _grow_grains(
    dealt: NDArray[np.int64],
    starts: NDArray[np.int64],
    steps: NDArray[np.int64],
    k: float,
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    largest: NDArray[np.float32],
    candidates: Candidates,
) -> None:
    """Join the pixels of a strip as long as that is sure.

    ``limits`` is, at the root of a region, its largest inner edge plus k / its size, or -1
    when it must be left alone.
    """
    for bucket in range(starts.size - 1):
        edges = dealt[starts[bucket] : starts[bucket + 1]]
        count = _keep_sure(edges, least_weight(bucket), steps, parents, limits, candidates)
        for key in sorted_by_weight(candidates, count):
            edge = key & POSITION
            a = find(parents, candidates.ends[edge, 0])
            b = find(parents, candidates.ends[edge, 1])
            if a == b:
                continue
            weight = weight_of(key)
            if weight <= min(limits[a], limits[b]):
                root = union(parents, a, b)
                largest[root] = weight
                limits[root] = weight - k / parents[root]
            else:
                limits[a] = limits[b] = -1


@subroutine
def _keep_sure(
    edges: NDArray[np.int64],
    least: float,
    steps: NDArray[np.int64],
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    candidates: Candidates,
) -> int:
    """Copy to ``candidates`` the edges that matter to a region not left alone; return how many."""
    count = 0
    for edge in edges:
        pixel = (edge & POSITION) >> 2
        a, b = find(parents, pixel), find(parents, pixel + steps[edge & 3])
        candidates.keys[0, count] = (edge & ~POSITION) | count
        candidates.ends[count, 0], candidates.ends[count, 1] = a, b
        count += (a != b) & ((limits[a] >= least) | (limits[b] >= least))
    return count


@kernel
def _list_outer(
    weights: Weights,
    steps: NDArray[np.int64],
    parents: NDArray[np.int32],
    roots: NDArray[np.int32],
    begin: int,
    end: int,
    listed: NDArray[np.int64],
) -> int:
    """List the edges between grains, of pixels ``begin`` to ``end``, as `list_edges` does."""
    for pixel in range(parents.size):
        roots[pixel] = find(parents, pixel)
    count = 0
    for pixel in range(begin, end):
        for direction in range(4):
            weight = weights[direction, pixel]
            inside = weight < np.inf
            listed[count] = packed(weight, 4 * pixel + direction)
            count += inside & (roots[pixel] != roots[pixel + steps[direction] * inside])
    return count


@kernel
def _name_grains(
    parents: NDArray[np.int32],
    begin: int,
    largest: NDArray[np.float32],
    names: NDArray[np.int32],
    grains: NDArray[np.int32],
    sizes: NDArray[np.int32],
    inner: NDArray[np.float32],
    count: int,
) -> int:
    """Give the grains of a strip numbers from ``count`` on; return the number after the last.

    ``names`` are -1 where a root has none yet.
    """
    for pixel in range(begin, begin + grains.size):
        root = find(parents, pixel)
        if names[root] < 0:
            names[root] = count
            sizes[count], inner[count] = -parents[root], largest[root]
            count += 1
        grains[pixel - begin] = names[root]
    return count


@kernel
def _ends_to_grains(ends: NDArray[np.int32], grains: NDArray[np.int32]) -> None:
    for edge in range(ends.shape[0]):
        ends[edge, 0] = grains[ends[edge, 0]]
        ends[edge, 1] = grains[ends[edge, 1]]
