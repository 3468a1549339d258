"""The graph of an image's pixels that is divided into superpixels, contracted in advance.

Its nodes are grains, and of the edges between the same two grains all but the lightest are
left out: when that one has been looked at, the two are in one region, or one of them is never
joined again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel
from proposals.selective_search.edges import (
    POSITION,
    POSITION_BITS,
    sort_space,
    sorted_by_weight,
    weight_of,
)
from proposals.selective_search.filters import gaussian_smooth
from proposals.selective_search.grains import Grains, grow_grains, strip_rows
from proposals.selective_search.pixel_edges import (
    Weights,
    drop_inner,
    edge_weights,
    list_edges,
    steps,
)

_SLOTS = 1 << 14  # pairs of grains that are remembered; what they forget is only kept twice


class PixelGraph(NamedTuple):
    """The 8-connected graph of an image's pixels, contracted to grains.

    One graph serves all segmentations with a k from that of `pixel_graph` upwards.
    """

    grains: Grains
    weights: NDArray[np.float32]  # (E,) ascending; equal ones as the published code lists them
    ends: NDArray[np.int32]  # (E, 2) grains, the smaller first; few pairs more than once
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
    weights = edge_weights(gaussian_smooth(planes, sigma))
    _, height, width = planes.shape
    rows = strip_rows(width)
    grains = grow_grains(weights, (height, width), least_k, rows)
    edges, pairs = _edges_between(grains.labels, weights, rows)
    ascending = sorted_by_weight(edges, sort_space(edges.size))
    graph = PixelGraph(
        grains,
        np.empty(edges.size, np.float32),
        np.empty((edges.size, 2), np.int32),
        float(least_k),
    )
    _unpack(ascending, pairs, graph.weights, graph.ends)
    return graph


def _edges_between(
    grains: NDArray[np.int32], weights: Weights, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the edges between grains, strip by strip, most of their parallels left out.

    Returns them packed, by position, with their place in the second array below the weight; and
    the two grains of each, packed likewise.
    """
    height, width = grains.shape
    of_pixels = grains.reshape(-1)
    space = _space_for_strip(min(rows, height) * width)
    edges, pairs = [], []
    count = 0
    for first in range(0, height, rows):
        own = slice(first * width, min(first + rows, height) * width)
        outer = space.weights[: 4 * (own.stop - own.start)].reshape(4, -1)
        _copy_outer(weights, of_pixels, own, width, outer)
        listed = space.listed[: list_edges(outer, space.listed)]
        _pair(listed, of_pixels, own.start, steps(width), space.pairs)
        _find_lightest(listed, space.pairs, space.slots, space.lightest)
        kept = _keep(listed, space.pairs, space.lightest, count)
        edges.append(listed[:kept].copy())
        pairs.append(space.pairs[:kept].copy())
        count += kept
    return np.concatenate(edges), np.concatenate(pairs)


class _Space(NamedTuple):
    """What strips are worked on in, one after the other; new memory would cost more than that."""

    weights: NDArray[np.float32]  # (4 * pixels,)
    listed: NDArray[np.int64]  # (4 * pixels + 1,)
    pairs: NDArray[np.int64]  # (4 * pixels,)
    slots: NDArray[np.int32]  # (SLOTS,)
    lightest: NDArray[np.bool_]  # (4 * pixels,)


def _space_for_strip(pixels: int) -> _Space:
    return _Space(
        np.empty(4 * pixels, np.float32),
        np.empty(4 * pixels + 1, np.int64),  # one is written beyond those that are counted
        np.empty(4 * pixels, np.int64),
        np.empty(_SLOTS, np.int32),
        np.empty(4 * pixels, np.bool_),
    )


def _copy_outer(
    weights: Weights, grains: NDArray[np.int32], own: slice, width: int, outer: Weights
) -> None:
    """Copy the weights of a strip's ``own`` pixels, those within a grain as infinity."""
    outer[:] = weights[:, own]
    for step, out in zip(steps(width), outer, strict=True):
        # Where a step would leave the image, the weight is infinity already.
        begin, end = max(own.start, -step), min(own.stop, grains.size - max(0, step))
        if begin < end:
            here, there = grains[begin:end], grains[begin + step : end + step]
            drop_inner(out[begin - own.start : end - own.start], here, there)


@kernel
def _pair(
    listed: NDArray[np.int64],
    grains: NDArray[np.int32],
    offset: int,
    steps: NDArray[np.int64],
    pairs: NDArray[np.int64],
) -> None:
    """Pack the grains at the ends of edges, whose pixels are counted from ``offset`` on."""
    for edge in range(listed.size):
        pixel = offset + ((listed[edge] & POSITION) >> 2)
        a, b = np.int64(grains[pixel]), np.int64(grains[pixel + steps[listed[edge] & 3]])
        pairs[edge] = min(a, b) << POSITION_BITS | max(a, b)


@kernel
def _find_lightest(
    listed: NDArray[np.int64],
    pairs: NDArray[np.int64],
    slots: NDArray[np.int32],
    lightest: NDArray[np.bool_],
) -> None:
    """Tell which edges are the lightest between their grains.

    Each pair has a slot, which holds the lightest edge until now; another pair may take it. No
    branch, which would be guessed badly.
    """
    for slot in range(slots.size):
        slots[slot] = 0
    for edge in range(listed.size):
        pair = pairs[edge]
        slot = ((pair >> POSITION_BITS) * 31 + pair) & (slots.size - 1)
        other = slots[slot]
        parallel = pairs[other] == pair
        loses = parallel & (listed[other] < listed[edge])
        lightest[other] &= loses | (not parallel)
        lightest[edge] = not loses
        slots[slot] = other if loses else edge


@kernel
def _keep(
    edges: NDArray[np.int64], pairs: NDArray[np.int64], lightest: NDArray[np.bool_], offset: int
) -> int:
    """Move the lightest edges together; return how many. Their places count from ``offset``."""
    count = 0
    for edge in range(edges.size):
        edges[count] = (edges[edge] & ~POSITION) | (offset + count)
        pairs[count] = pairs[edge]
        count += lightest[edge]
    return count


@kernel
def _unpack(
    ascending: NDArray[np.int64],
    pairs: NDArray[np.int64],
    weights: NDArray[np.float32],
    ends: NDArray[np.int32],
) -> None:
    for edge in range(ascending.size):
        pair = pairs[ascending[edge] & POSITION]
        weights[edge] = weight_of(ascending[edge])
        ends[edge, 0], ends[edge, 1] = pair >> POSITION_BITS, pair & POSITION
