"""Grains: groups of pixels that every segmentation of an image joins, whatever its k.

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
from proposals.selective_search.disjoint_set import find, limit, union
from proposals.selective_search.edges import (
    POSITION,
    SortSpace,
    sort_space,
    sorted_by_weight,
    weight_of,
)
from proposals.selective_search.pixel_edges import (
    Weights,
    cut_off_rows,
    list_edges,
    steps,
    thin_out,
)

_STRIP_PIXELS = 1 << 16  # that stay in the processor's cache
_LEAST_ROWS = 48  # fewer make small grains


class Grains(NamedTuple):
    """The grains of an image, numbered by first appearance in rows from the top left."""

    labels: NDArray[np.int32]  # (H, W) grain of each pixel, 0 ... n - 1
    sizes: NDArray[np.int32]  # (n,) pixels
    inner: NDArray[np.float32]  # (n,) largest inner edge


def strip_rows(width: int) -> int:
    """Return how many rows of an image of that width are a strip."""
    return max(_LEAST_ROWS, _STRIP_PIXELS // width)


def grow_grains(weights: Weights, image_size: tuple[int, int], least_k: float, rows: int) -> Grains:
    """Grow the grains of an image, in strips of some rows.

    Parameters
    ----------
    weights : ndarray, (4, H * W) float32
    image_size : tuple of int
        (height, width) of the image.
    least_k : float
        The smallest k that will divide it.
    rows : int
        For example `strip_rows`. The grains depend on it, but no segmentation does.
    """
    height, width = image_size
    labels = np.empty((height, width), np.int32)
    sizes, inner = np.empty(height * width, np.int32), np.empty(height * width, np.float32)
    space = _space_for_strip(min(rows + 2, height) * width)
    count = 0
    for first in range(0, height, rows):
        last = min(first + rows, height)
        top, bottom = max(first - 1, 0), min(last + 1, height)  # one row more each way
        of_strip = weights[:, top * width : bottom * width]
        own = slice((first - top) * width, (last - top) * width)
        forest = _grow_strip(of_strip, width, own, least_k, space)
        of_pixels = labels[first:last].reshape(-1)
        count = _name(forest, own.start, space.names, of_pixels, sizes, inner, count)
    return Grains(labels, sizes[:count].copy(), inner[:count].copy())


class _Forest(NamedTuple):
    """Sets of a strip's pixels; all but the parents at their roots."""

    parents: NDArray[np.int32]  # (pixels,)
    sizes: NDArray[np.int32]  # (pixels,)
    largest: NDArray[np.float32]  # (pixels,) inner edge
    limits: NDArray[np.float32]  # (pixels,) that plus k / size, or -1: to be left alone


class _Space(NamedTuple):
    """What strips are worked on in, one after the other; new memory would cost more than that."""

    thin: NDArray[np.float32]  # (4 * pixels,)
    listed: NDArray[np.int64]  # (4 * pixels + 1,)
    sorting: SortSpace
    forest: _Forest
    names: NDArray[np.int32]  # (pixels,)


def _space_for_strip(pixels: int) -> _Space:
    edges = 4 * pixels + 1  # one is written beyond those that are counted
    forest = _Forest(
        np.empty(pixels, np.int32),
        np.empty(pixels, np.int32),
        np.empty(pixels, np.float32),
        np.empty(pixels, np.float32),
    )
    return _Space(
        np.empty(4 * pixels, np.float32),
        np.empty(edges, np.int64),
        sort_space(edges),
        forest,
        np.empty(pixels, np.int32),
    )


def _grow_strip(weights: Weights, width: int, own: slice, k: float, space: _Space) -> _Forest:
    """Grow the grains of a strip, whose ``own`` pixels are not of its neighbours."""
    pixels = weights.shape[1]
    thin = space.thin[: 4 * pixels].reshape(4, pixels)
    thin[:] = weights
    thin_out(weights, thin, width)
    cut_off_rows(thin, width)
    edges = space.listed[: list_edges(thin, space.listed)]
    parents, sizes, largest, limits = space.forest
    forest = _Forest(parents[:pixels], sizes[:pixels], largest[:pixels], limits[:pixels])
    _plant(forest, own.start, own.stop, np.float32(k))
    _grow(sorted_by_weight(edges, space.sorting), steps(width), np.float32(k), forest)
    return forest


@kernel
def _plant(forest: _Forest, begin: int, end: int, k: np.float32) -> None:
    """Let each pixel be a set of its own, and leave those before and behind the strip alone."""
    for pixel in range(forest.parents.size):
        forest.parents[pixel], forest.sizes[pixel], forest.largest[pixel] = pixel, 1, 0
        # What happens beyond the strip is not known.
        forest.limits[pixel] = k if begin <= pixel < end else np.float32(-1)


@kernel
def _grow(
    edges: NDArray[np.int64], steps: NDArray[np.int64], k: np.float32, forest: _Forest
) -> None:
    """Join the pixels of a strip, by edges of ascending weight, as long as that is sure."""
    parents, sizes, largest, limits = forest
    for edge in edges:
        pixel = (edge & POSITION) >> 2
        a, b = find(parents, pixel), find(parents, pixel + steps[edge & 3])
        if a == b:
            continue
        weight = weight_of(edge)
        if weight <= min(limits[a], limits[b]):
            root = union(parents, sizes, a, b)
            largest[root] = weight
            limits[root] = limit(weight, k, sizes[root])
        else:
            limits[a] = limits[b] = -1


@kernel
def _name(
    forest: _Forest,
    begin: int,
    names: NDArray[np.int32],
    labels: NDArray[np.int32],
    sizes: NDArray[np.int32],
    inner: NDArray[np.float32],
    count: int,
) -> int:
    """Give the grains of a strip numbers from ``count`` on; return the number after the last.

    ``labels`` are those of the strip's own pixels, which begin at ``begin``; ``names`` is space.
    """
    for pixel in range(forest.parents.size):
        names[pixel] = -1
    for pixel in range(labels.size):
        root = find(forest.parents, begin + pixel)
        if names[root] < 0:
            names[root] = count
            sizes[count], inner[count] = forest.sizes[root], forest.largest[root]
            count += 1
        labels[pixel] = names[root]
    return count
