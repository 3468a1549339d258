"""The edges between an image's pixels: their weights, and lists of them.

Pixels are counted along rows, and an edge's position is 4 times its pixel plus its direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel
from proposals.selective_search.edges import packed

Weights = NDArray[np.float32]
"""``(4, pixels)``: of each pixel's edges to the right, below, below right and above right."""


def steps(width: int) -> NDArray[np.int64]:
    """Return how many pixels further the four edges of a pixel lead."""
    return np.array([1, width, width + 1, 1 - width])


def edge_weights(smoothed: NDArray[np.float32]) -> Weights:
    """Return the weights of all edges of an image ``(C, H, W)``, C being 3 or 1.

    They are the distances of colours. Edges that would leave the image weigh infinity.
    """
    _, height, width = smoothed.shape
    planes = [plane.reshape(-1) for plane in smoothed]
    if len(planes) == 1:
        planes *= 3
    weights = np.empty((4, height * width), np.float32)
    for step, out in zip(steps(width), weights, strict=True):
        # From the end of a row the next one's start is reached, which is mended below.
        begin, end = max(0, -step), out.size - max(0, step)
        if begin < end:
            red, green, blue = (plane[begin:end] for plane in planes)
            far_red, far_green, far_blue = (plane[begin + step : end + step] for plane in planes)
            _distances(red, green, blue, far_red, far_green, far_blue, out[begin:end])
    weights.reshape(4, height, width)[[0, 2, 3], :, -1] = np.inf
    cut_off_rows(weights, width)
    return weights


def cut_off_rows(weights: Weights, width: int) -> None:
    """Let the edges that leave some rows of an image weigh infinity."""
    weights[1:3, -width:] = np.inf
    weights[3, :width] = np.inf


@kernel
def _distances(
    red: NDArray[np.float32],
    green: NDArray[np.float32],
    blue: NDArray[np.float32],
    far_red: NDArray[np.float32],
    far_green: NDArray[np.float32],
    far_blue: NDArray[np.float32],
    distances: NDArray[np.float32],
) -> None:
    # Not a loop over channels, which would keep the processor from taking pixels at a time.
    for i in range(distances.size):
        step0 = red[i] - far_red[i]
        step1 = green[i] - far_green[i]
        step2 = blue[i] - far_blue[i]
        distances[i] = np.sqrt(step0 * step0 + step1 * step1 + step2 * step2)


def thin_out(weights: Weights, thin: Weights, width: int) -> None:
    """Let weights ``thin`` that are the largest in a triangle of pixels become infinity.

    ``thin`` is a copy of ``weights``, of some rows. Such edges cannot change a grain (`grains`):
    when an edge has been looked at, its ends are in one grain, or the grains of both are left
    alone. So of the triangle's other two, looked at before; either way then the third finds
    nothing to do. They are more than half of all.
    """
    #  a - - b     of every four pixels, the six edges
    #  | \\ / |
    #  c - - d
    squares = max(0, weights.shape[1] - width - 1)  # by row ends, infinity lets nothing be dropped
    right, below = slice(1, 1 + squares), slice(width, width + squares)
    here = slice(0, squares)
    ab, ac, ad = weights[0, here], weights[1, here], weights[2, here]
    cb, bd, cd = weights[3, below], weights[1, right], weights[0, below]
    _drop_largest(thin[0, here], ab, ac, cb, bd, ad)
    _drop_largest(thin[1, here], ac, ab, cb, cd, ad)
    _drop_largest(thin[2, here], ad, ab, bd, ac, cd)
    _drop_largest(thin[3, below], cb, ab, ac, bd, cd)
    _drop_largest(thin[1, right], bd, ab, ad, cd, cb)
    _drop_largest(thin[0, below], cd, ac, ad, bd, cb)


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
    for i in range(edge.size):
        bound = min(max(one[i], two[i]), max(three[i], four[i]))
        thin[i] = np.float32(np.inf) if edge[i] > bound else thin[i]


@kernel
def drop_inner(
    weights: NDArray[np.float32], here: NDArray[np.int32], there: NDArray[np.int32]
) -> None:
    """Let edges ``(M,)`` weigh infinity where both ends are in the same grain."""
    for i in range(weights.size):
        weights[i] = np.float32(np.inf) if here[i] == there[i] else weights[i]


@kernel
def list_edges(weights: Weights, listed: NDArray[np.int64]) -> int:
    """List the edges that do not weigh infinity, packed, by position; return how many."""
    count = 0
    for pixel in range(weights.shape[1]):
        for direction in range(4):
            weight = weights[direction, pixel]
            # Written in any case, and counted without a branch, which would be guessed badly.
            listed[count] = packed(weight, 4 * pixel + direction)
            count += weight < np.inf
    return count
