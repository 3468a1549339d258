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

from foundation.kernels import kernel
from proposals.selective_search.edges import (
    BUCKETS,
    POSITION,
    POSITION_BITS,
    Room,
    bucket_of,
    least_weight,
    packed,
    root_of,
    sorted_by_weight,
    unite,
    weight_of,
)
from proposals.selective_search.filters import gaussian_smooth

Weights = NDArray[np.float32]  # (rows, 4, W): of each pixel's edges in four directions

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
    # Allocated here, not in the kernels: numpy asks for large pages, numba does not.
    grains = np.empty((height, width), np.int32)
    sizes, inner = np.empty(grains.size, np.int32), np.empty(grains.size, np.float32)
    weights = np.empty(4 * grains.size + 1, np.float32)
    ends = np.empty((4 * grains.size + 1, 2), np.int32)
    starts = np.zeros((-(-height // _STRIP), BUCKETS), np.int64)
    least_k = float(least_k)  # one type, so that kernels are compiled once
    count = _contract(smoothed, least_k, grains, sizes, inner, weights, ends, starts)
    edges = int(starts[-1, -1])
    return PixelGraph(
        grains, sizes[:count], inner[:count], weights[:edges], ends[:edges], starts, least_k
    )


@kernel
def _contract(
    smoothed: NDArray[np.float32],
    k: float,
    grains: NDArray[np.int32],
    sizes: NDArray[np.int32],
    inner: NDArray[np.float32],
    weights: NDArray[np.float32],
    ends: NDArray[np.int32],
    starts: NDArray[np.int64],
) -> int:
    """Fill the parts of a `PixelGraph`; return the number of grains."""
    _, height, width = smoothed.shape
    rows = min(_STRIP + 2, height)
    pixels = rows * width
    every, thin = np.empty((rows, 4, width), np.float32), np.empty((rows, 4, width), np.float32)
    listed, dealt = np.empty(4 * pixels + 1, np.int64), np.empty(4 * pixels + 1, np.int64)
    room = Room(np.empty((2, 4 * pixels + 1), np.int64), np.empty((4 * pixels + 1, 2), np.int32))
    parents, limits = np.empty(pixels, np.int32), np.empty(pixels, np.float64)
    largest = np.empty(pixels, np.float32)
    count = edge = 0
    for strip in range(starts.shape[0]):
        first, last = strip * _STRIP, min((strip + 1) * _STRIP, height)
        top, bottom = max(first - 1, 0), min(last + 1, height)  # one row more each way
        begin, end = (first - top) * width, (last - top) * width
        _weigh(smoothed, top, bottom, every)
        _thin_out(every[: bottom - top], thin)
        parents[:], limits[:] = -1, k
        limits[:begin] = limits[end:] = -1  # what happens beyond the strip is not known
        strip_starts = _deal(listed[: _list(thin[: bottom - top], listed)], dealt)
        _grow_grains(dealt, strip_starts, width, k, parents, limits, largest, room)
        outer = _list_outer(every, width, parents, begin, end, listed)
        starts[strip] = edge + _deal(listed[:outer], dealt)
        _unpack(dealt[:outer], width, top * width, weights[edge:], ends[edge:])
        edge += outer
        own = grains[first:last].reshape(-1)
        count = _name_grains(parents, begin, largest, own, sizes, inner, count)
    _ends_to_grains(ends[:edge], grains.reshape(-1))
    return count


@kernel
def _weigh(smoothed: NDArray[np.float32], top: int, bottom: int, weights: Weights) -> None:
    """Weigh each pixel's edges to the right, below, below right and above right.

    Those that would leave the rows or the image weigh infinity.
    """
    weights[:] = np.inf
    for y in range(top, bottom):
        row = weights[y - top]
        _distances(smoothed[:, y, :-1], smoothed[:, y, 1:], row[0])
        if y + 1 < bottom:
            _distances(smoothed[:, y], smoothed[:, y + 1], row[1])
            _distances(smoothed[:, y, :-1], smoothed[:, y + 1, 1:], row[2])
        if y > top:
            _distances(smoothed[:, y, :-1], smoothed[:, y - 1, 1:], row[3])


@kernel
def _distances(
    first: NDArray[np.float32], second: NDArray[np.float32], weights: NDArray[np.float32]
) -> None:
    # Not a loop over channels, which would keep the processor from taking pixels at a time.
    if first.shape[0] == 1:
        for x in range(first.shape[1]):
            step = first[0, x] - second[0, x]
            square = step * step
            weights[x] = np.sqrt(square + square + square)
    else:
        for x in range(first.shape[1]):
            step0 = first[0, x] - second[0, x]
            step1 = first[1, x] - second[1, x]
            step2 = first[2, x] - second[2, x]
            weights[x] = np.sqrt(step0 * step0 + step1 * step1 + step2 * step2)


@kernel
def _thin_out(weights: Weights, thin: Weights) -> None:
    """Copy weights, those that are the largest in a triangle of pixels as infinity.

    Such edges cannot change a grain: when an edge has been looked at, its ends are in one grain,
    or the grains of both are left alone. So of the triangle's other two, looked at before;
    either way then the third finds nothing to do. They are about half of all.
    """
    rows = weights.shape[0]
    thin[:rows] = weights
    for y in range(rows - 1):
        #  a - - b     of every four pixels, the six edges
        #  | \ / |
        #  c - - d
        ab, ac, ad = weights[y, 0, :-1], weights[y, 1, :-1], weights[y, 2, :-1]
        cb, bd, cd = weights[y + 1, 3, :-1], weights[y, 1, 1:], weights[y + 1, 0, :-1]
        _drop_largest(thin[y, 0, :-1], ab, ac, cb, bd, ad)
        _drop_largest(thin[y, 1, :-1], ac, ab, cb, cd, ad)
        _drop_largest(thin[y, 2, :-1], ad, ab, bd, ac, cd)
        _drop_largest(thin[y + 1, 3, :-1], cb, ab, ac, bd, cd)
        _drop_largest(thin[y, 1, 1:], bd, ab, ad, cd, cb)
        _drop_largest(thin[y + 1, 0, :-1], cd, ac, ad, bd, cb)


@kernel
def _drop_largest(
    thin: NDArray[np.float32],
    edge: NDArray[np.float32],
    one: NDArray[np.float32],
    two: NDArray[np.float32],
    three: NDArray[np.float32],
    four: NDArray[np.float32],
) -> None:
    """Drop an edge of two triangles, with ``one`` and ``two``, and ``three`` and ``four``."""
    for x in range(edge.size):
        bound = min(max(one[x], two[x]), max(three[x], four[x]))
        thin[x] = np.float32(np.inf) if edge[x] > bound else thin[x]


@kernel
def _list(weights: Weights, listed: NDArray[np.int64]) -> int:
    """List the edges that do not weigh infinity, packed, by position; return how many.

    The position of an edge is 4 times its pixel plus its direction.
    """
    count = 0
    for y in range(weights.shape[0]):
        for x in range(weights.shape[2]):
            for direction in range(4):
                position = 4 * (y * weights.shape[2] + x) + direction
                # Written in any case, and counted without a branch, which would be guessed badly.
                listed[count] = packed(weights[y, direction, x], position)
                count += weights[y, direction, x] < np.inf
    return count


@kernel
def _deal(listed: NDArray[np.int64], dealt: NDArray[np.int64]) -> NDArray[np.int64]:
    """Write edges to their buckets, in each in the old order; return where each begins."""
    starts = np.zeros(BUCKETS + 1, np.int64)
    for edge in listed:
        starts[bucket_of(edge >> POSITION_BITS) + 1] += 1
    starts = np.cumsum(starts)
    ends = starts.copy()
    for edge in listed:
        bucket = bucket_of(edge >> POSITION_BITS)
        dealt[ends[bucket]] = edge
        ends[bucket] += 1
    return starts[:BUCKETS]


@kernel
def _grow_grains(
    dealt: NDArray[np.int64],
    starts: NDArray[np.int64],
    width: int,
    k: float,
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    largest: NDArray[np.float32],
    room: Room,
) -> None:
    """Join the pixels of a strip as long as that is sure.

    ``parents`` holds for each pixel another of its region, or, for the one that stands for
    the region, the negated number of its pixels. ``limits`` is the region's largest inner edge
    plus k / its size, or -1 when it must be left alone.
    """
    largest[:] = 0
    for bucket in range(starts.size - 1):
        count = _keep_sure(
            dealt[starts[bucket] : starts[bucket + 1]],
            least_weight(bucket),
            width,
            parents,
            limits,
            room,
        )
        for key in sorted_by_weight(room.order[0, :count], room.order[1, :count]):
            ends = room.ends[key & POSITION]
            a, b = root_of(parents, ends[0]), root_of(parents, ends[1])
            if a == b:
                continue
            weight = weight_of(key)
            if weight <= min(limits[a], limits[b]):
                union = unite(parents, a, b)
                largest[union] = weight
                limits[union] = weight - k / parents[union]
            else:
                limits[a] = limits[b] = -1


@kernel
def _keep_sure(
    edges: NDArray[np.int64],
    least: float,
    width: int,
    parents: NDArray[np.int32],
    limits: NDArray[np.float64],
    room: Room,
) -> int:
    """Copy to ``room`` the edges that matter to a region not left alone; return how many."""
    steps = np.array([1, width, width + 1, 1 - width])
    count = 0
    for edge in edges:
        pixel = (edge & POSITION) >> 2
        a, b = root_of(parents, pixel), root_of(parents, pixel + steps[edge & 3])
        room.order[0, count] = (edge & ~POSITION) | count
        room.ends[count, 0], room.ends[count, 1] = a, b
        count += (a != b) & ((limits[a] >= least) | (limits[b] >= least))
    return count


@kernel
def _list_outer(
    weights: Weights,
    width: int,
    parents: NDArray[np.int32],
    begin: int,
    end: int,
    listed: NDArray[np.int64],
) -> int:
    """List the edges between grains whose pixel is in the strip, as `_list` does."""
    steps = np.array([1, width, width + 1, 1 - width])
    roots = np.empty(parents.size, np.int32)
    for pixel in range(parents.size):
        roots[pixel] = root_of(parents, pixel)
    count = 0
    for y in range(begin // width, end // width):
        for x in range(width):
            pixel = y * width + x
            for direction in range(4):
                weight = weights[y, direction, x]
                inside = weight < np.inf
                listed[count] = packed(weight, 4 * pixel + direction)
                count += inside & (roots[pixel] != roots[pixel + steps[direction] * inside])
    return count


@kernel
def _unpack(
    dealt: NDArray[np.int64],
    width: int,
    offset: int,
    weights: NDArray[np.float32],
    ends: NDArray[np.int32],
) -> None:
    """Split packed edges into weights and, for now, the pixels at their ends."""
    steps = np.array([1, width, width + 1, 1 - width])
    for edge in range(dealt.size):
        pixel = offset + ((dealt[edge] & POSITION) >> 2)
        weights[edge] = weight_of(dealt[edge])
        ends[edge, 0], ends[edge, 1] = pixel, pixel + steps[dealt[edge] & 3]


@kernel
def _name_grains(
    parents: NDArray[np.int32],
    begin: int,
    largest: NDArray[np.float32],
    grains: NDArray[np.int32],
    sizes: NDArray[np.int32],
    inner: NDArray[np.float32],
    count: int,
) -> int:
    """Give the grains of a strip numbers from ``count`` on; return the number after the last."""
    names = np.full(largest.size, -1, np.int32)
    for pixel in range(begin, begin + grains.size):
        root = root_of(parents, pixel)
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
