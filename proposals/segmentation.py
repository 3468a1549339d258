"""Superpixels by graph-based segmentation (Felzenszwalb & Huttenlocher, IJCV 2004)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proposals._numba import kernel
from proposals.filters import gaussian_smooth

Labels = NDArray[np.int32]


class PixelGraph(NamedTuple):
    """The 8-connected graph of an image's pixels, its E edges by ascending weight.

    One graph serves any number of segmentations: only ``k`` and ``min_size`` change.
    """

    weights: NDArray[np.float32]  # (E,) distance of the two smoothed colours
    sources: NDArray[np.int32]  # (E,) pixel y * width + x
    targets: NDArray[np.int32]  # (E,)
    image_size: tuple[int, int]  # (height, width)


def segment(image: NDArray[np.uint8], k: float, min_size: int, sigma: float) -> Labels:
    """Divide an image into superpixels.

    Pixels are nodes, joined to their eight neighbours by edges that weigh the Euclidean
    distance of their smoothed colours. Edges are taken by ascending weight; two regions are
    joined when the edge weighs no more than either region's largest inner edge plus
    ``k`` / its size. Then regions under ``min_size`` are joined with a neighbour.

    Parameters
    ----------
    image : ndarray, (H, W, 3) uint8
        In any colour space; the scale of ``k`` is that of 0-255 values.
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
    return segment_graph(pixel_graph(image, sigma), k, min_size)


def pixel_graph(image: NDArray[np.uint8], sigma: float) -> PixelGraph:
    """Smooth an image ``(H, W, 3)`` and return the graph that `segment_graph` divides."""
    weights, sources, targets = _edges(gaussian_smooth(image, sigma))
    order = _stable_order(weights)
    return PixelGraph(weights[order], sources[order], targets[order], image.shape[:2])


def segment_graph(graph: PixelGraph, k: float, min_size: int) -> Labels:
    """Divide a graph as `segment` does; labels ``(H, W)`` int32."""
    height, width = graph.image_size
    roots = _join(graph.weights, graph.sources, graph.targets, height * width, k, min_size)
    return _number(roots).reshape(height, width)


@kernel
def _edges(
    smoothed: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
    """List each pixel's edges to the right, below, below right and above right."""
    height, width = smoothed.shape[0], smoothed.shape[1]
    most = 4 * height * width
    weights = np.empty(most, np.float32)
    sources = np.empty(most, np.int32)
    targets = np.empty(most, np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            for direction in range(4):
                ny = y + (0, 1, 1, -1)[direction]
                nx = x + (1, 0, 1, 1)[direction]
                if nx >= width or ny >= height or ny < 0:
                    continue
                total = np.float32(0)
                for c in range(3):
                    step = smoothed[y, x, c] - smoothed[ny, nx, c]
                    total += step * step
                weights[count] = np.sqrt(total)
                sources[count] = y * width + x
                targets[count] = ny * width + nx
                count += 1
    return weights[:count], sources[:count], targets[:count]


@kernel
def _stable_order(weights: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the indices that sort non-negative floats, equal ones in their old order.

    A radix sort of the bit patterns, which order as the numbers do when none is negative:
    three passes of 11 bits are several times faster than a comparison sort.
    """
    keys = weights.view(np.uint32)
    order = np.arange(weights.size).astype(np.int32)
    spare = np.empty_like(order)
    for shift in (0, 11, 22):
        starts = np.zeros(2049, np.int64)
        for key in keys:
            starts[((key >> np.uint32(shift)) & np.uint32(2047)) + 1] += 1
        for digit in range(2048):
            starts[digit + 1] += starts[digit]
        for index in order:
            digit = (keys[index] >> np.uint32(shift)) & np.uint32(2047)
            spare[starts[digit]] = index
            starts[digit] += 1
        order, spare = spare, order
    return order


@kernel
def _join(
    weights: NDArray[np.float32],
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    pixels: int,
    k: float,
    min_size: int,
) -> NDArray[np.int32]:
    """Return each pixel's region, named by one of its pixels."""
    parents = np.arange(pixels).astype(np.int32)
    sizes = np.ones(pixels, np.int32)
    limits = np.full(pixels, k, np.float64)  # largest inner edge + k / size
    for edge in range(weights.size):
        a = _root(parents, sources[edge])
        b = _root(parents, targets[edge])
        if a != b and weights[edge] <= min(limits[a], limits[b]):
            kept = _unite(parents, sizes, a, b)
            limits[kept] = weights[edge] + k / sizes[kept]
    for edge in range(weights.size):
        a = _root(parents, sources[edge])
        b = _root(parents, targets[edge])
        if a != b and min(sizes[a], sizes[b]) < min_size:
            _unite(parents, sizes, a, b)
    for pixel in range(pixels):
        parents[pixel] = _root(parents, pixel)
    return parents


@kernel
def _root(parents: NDArray[np.int32], node: int) -> int:
    while parents[node] != node:
        parents[node] = parents[parents[node]]  # halving the path keeps trees flat
        node = parents[node]
    return node


@kernel
def _unite(parents: NDArray[np.int32], sizes: NDArray[np.int32], a: int, b: int) -> int:
    if sizes[a] < sizes[b]:
        a, b = b, a
    parents[b] = a
    sizes[a] += sizes[b]
    return a


@kernel
def _number(roots: NDArray[np.int32]) -> Labels:
    labels = np.empty(roots.size, np.int32)
    names = np.full(roots.size, -1, np.int32)
    count = 0
    for pixel in range(roots.size):
        root = roots[pixel]
        if names[root] < 0:
            names[root] = count
            count += 1
        labels[pixel] = names[root]
    return labels
