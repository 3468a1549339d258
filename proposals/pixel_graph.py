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

from proposals._numba import kernel
from proposals.edges import (
    BUCKETS,
    POSITION,
    POSITION_BITS,
    Room,
    bucket_of,
    least_weight,
    root_of,
    sorted_by_weight,
    unite,
    weight_of,
)
from proposals.filters import gaussian_smooth

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
    pixels = min(_STRIP + 2, height) * width
    dealt = np.empty(4 * pixels, np.int64)
    room = Room(np.empty((2, 4 * pixels + 1), np.int64), np.empty((4 * pixels + 1, 2), np.int32))
    parents, limits = np.empty(pixels, np.int32), np.empty(pixels, np.float64)
    largest = np.empty(pixels, np.float32)
    count = edge = 0
    for strip in range(starts.shape[0]):
        first, last = strip * _STRIP, min((strip + 1) * _STRIP, height)
        top, bottom = max(first - 1, 0), min(last + 1, height)  # one row more each way
        begin, end = (first - top) * width, (last - top) * width
        parents[:], limits[:] = -1, k
        limits[:begin] = limits[end:] = -1  # what happens beyond the strip is not known
        dealt_starts = _deal(smoothed, top, bottom, dealt)
        _grow_grains(dealt, dealt_starts, width, k, parents, limits, largest, room)
        edge = _keep_outer(
            dealt, dealt_starts, width, parents, begin, end, weights, ends, starts[strip], edge
        )
        ends[starts[strip, 0] : edge] += top * width
        own = grains[first:last].reshape(-1)
        count = _name_grains(parents, begin, largest, own, sizes, inner, count)
    _ends_to_grains(ends[:edge], grains.reshape(-1))
    return count


@kernel
def _deal(
    smoothed: NDArray[np.float32], top: int, bottom: int, dealt: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Write the edges of some rows to their buckets, packed; return where each begins.

    The position of an edge is 4 times the pixel, from the first one of ``top``, plus the
    direction.
    """
    width = smoothed.shape[2]
    starts = np.zeros(BUCKETS + 1, np.int64)
    weights = np.empty((bottom - top, 4, width), np.float32)
    bits = weights.view(np.int32)
    for y in range(top, bottom):
        _row_weights(smoothed, top, bottom, y, weights[y - top])
    for value in bits.reshape(-1):
        starts[bucket_of(value) + 1] += 1
    starts = np.cumsum(starts)
    ends = starts.copy()
    for y in range(bottom - top):
        for x in range(width):
            for direction in range(4):
                value = bits[y, direction, x]
                bucket = bucket_of(value)
                position = 4 * (y * width + x) + direction
                dealt[ends[bucket]] = np.int64(value) << POSITION_BITS | position
                ends[bucket] += 1
    return starts[:BUCKETS]


@kernel
def _row_weights(
    smoothed: NDArray[np.float32], top: int, bottom: int, y: int, weights: NDArray[np.float32]
) -> None:
    """Weigh each pixel's edges to the right, below, below right and above right."""
    weights[:] = np.inf
    _distances(smoothed[:, y, :-1], smoothed[:, y, 1:], weights[0])
    if y + 1 < bottom:
        _distances(smoothed[:, y], smoothed[:, y + 1], weights[1])
        _distances(smoothed[:, y, :-1], smoothed[:, y + 1, 1:], weights[2])
    if y > top:
        _distances(smoothed[:, y, :-1], smoothed[:, y - 1, 1:], weights[3])


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
        for packed in sorted_by_weight(room.order[0, :count], room.order[1, :count]):
            ends = room.ends[packed & POSITION]
            a, b = root_of(parents, ends[0]), root_of(parents, ends[1])
            if a == b:
                continue
            weight = weight_of(packed)
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
        # Written in any case, and counted without a branch, which would be guessed badly.
        room.order[0, count] = (edge & ~POSITION) | count
        room.ends[count, 0], room.ends[count, 1] = a, b
        count += (a != b) & ((limits[a] >= least) | (limits[b] >= least))
    return count


@kernel
def _keep_outer(
    dealt: NDArray[np.int64],
    dealt_starts: NDArray[np.int64],
    width: int,
    parents: NDArray[np.int32],
    begin: int,
    end: int,
    weights: NDArray[np.float32],
    ends: NDArray[np.int32],
    starts: NDArray[np.int64],
    count: int,
) -> int:
    """Append the edges between grains that begin in the strip, with pixels as ends."""
    steps = np.array([1, width, width + 1, 1 - width])
    roots = np.empty(parents.size, np.int32)
    for pixel in range(parents.size):
        roots[pixel] = root_of(parents, pixel)
    for bucket in range(dealt_starts.size - 1):
        starts[bucket] = count
        for edge in dealt[dealt_starts[bucket] : dealt_starts[bucket + 1]]:
            pixel = (edge & POSITION) >> 2
            other = pixel + steps[edge & 3]
            weights[count] = weight_of(edge)
            ends[count, 0], ends[count, 1] = pixel, other
            count += (begin <= pixel) & (pixel < end) & (roots[pixel] != roots[other])
    starts[-1] = count
    return count


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
