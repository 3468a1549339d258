"""Hierarchical grouping: the two most similar neighbours are joined until one region is left.

Selective Search paper, algorithm 1 and section 3.2.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proposals._numba import kernel
from proposals.features import Regions

Array = NDArray[Any]  # of the types that `Regions` names

SIMILARITIES = ("colour", "texture", "size", "fill")
"""Terms that a similarity may be the mean of."""

_EDGE_MASK = (1 << 31) - 1


def group(
    regions: Regions, pairs: NDArray[np.int32], image_area: int, similarity: Collection[str]
) -> NDArray[np.int32]:
    """Join regions pair by pair and return the box of each union.

    Equal similarities are settled by age: the pair that became neighbours first is joined.

    Parameters
    ----------
    regions : Regions
        The n initial regions.
    pairs : ndarray, (E, 2) int32
        Regions that touch, each pair once.
    image_area : int
        Pixels of the image.
    similarity : collection of str
        Terms out of `SIMILARITIES`; the similarity of two regions is their mean.

    Returns
    -------
    ndarray, (m, 4) int32
        Boxes in the order of joining; m = n - 1 when all regions hang together. The last one
        is the whole image then.
    """
    terms = np.array([term in similarity for term in SIMILARITIES])
    room = Regions(*(np.concatenate([rows, np.zeros_like(rows)]) for rows in regions))
    return _group(room, pairs, image_area, terms)


@kernel
def _group(regions: Regions, pairs: Array, image_area: int, terms: Array) -> Array:
    """Do the work in place, in ``regions`` whose second half is room for the unions."""
    count = regions.sizes.size // 2
    alive = np.arange(2 * count) < count
    met = np.zeros(2 * count, np.int64)  # the last union that a region became neighbour of
    touching = [[0 for _ in range(0)] for _ in range(2 * count)]
    ends = [(0, 0) for _ in range(0)]  # the two regions of each edge
    queue = [np.int64(0) for _ in range(0)]
    for i in range(pairs.shape[0]):
        a, b = int(pairs[i, 0]), int(pairs[i, 1])
        touching[a].append(b)
        touching[b].append(a)
        queue.append(_key(_similarity(regions, a, b, image_area, terms), len(ends)))
        ends.append((a, b))
    heapq.heapify(queue)
    union = count
    while len(queue) > 0:
        a, b = ends[heapq.heappop(queue) & _EDGE_MASK]
        if not (alive[a] and alive[b]):
            continue
        _unite(regions, a, b, union)
        alive[a] = alive[b] = False
        alive[union] = True
        for other in touching[a] + touching[b]:
            if alive[other] and met[other] != union:
                met[other] = union
                touching[other].append(union)
                touching[union].append(other)
                likeness = _similarity(regions, other, union, image_area, terms)
                heapq.heappush(queue, _key(likeness, len(ends)))
                ends.append((other, union))
        union += 1
    return regions.boxes[count:union]


@kernel
def _key(similarity: float, edge: int) -> Any:  # noqa: ANN401 - numba's 64-bit integer
    """Pack a similarity and an edge into one number; a heap gives the smallest first.

    Above, the negated similarity in steps of 2**-30; below, the edge's number, so that of
    equal similarities the older edge comes first.
    """
    return (-np.int64(similarity * (1 << 30)) << 31) | edge


@kernel
def _unite(regions: Regions, a: int, b: int, union: int) -> None:
    sizes, boxes = regions.sizes, regions.boxes
    sizes[union] = sizes[a] + sizes[b]
    for side in range(2):
        boxes[union, side] = min(boxes[a, side], boxes[b, side])
        boxes[union, side + 2] = max(boxes[a, side + 2], boxes[b, side + 2])
    share = np.float32(sizes[a] / sizes[union])
    _mix(regions.colour, a, b, union, share)
    _mix(regions.texture, a, b, union, share)


@kernel
def _mix(histograms: Array, a: int, b: int, union: int, share: Any) -> None:  # noqa: ANN401
    rest = np.float32(1) - share
    for i in range(histograms.shape[1]):
        histograms[union, i] = share * histograms[a, i] + rest * histograms[b, i]


@kernel
def _similarity(regions: Regions, a: int, b: int, image_area: int, terms: Array) -> float:
    use_colour, use_texture, use_size, use_fill = terms
    boxes = regions.boxes
    together = regions.sizes[a] + regions.sizes[b]
    total = 0.0
    if use_colour:
        total += _intersection(regions.colour[a], regions.colour[b])
    if use_texture:
        total += _intersection(regions.texture[a], regions.texture[b])
    if use_size:
        total += 1 - together / image_area
    if use_fill:
        width = max(boxes[a, 2], boxes[b, 2]) - min(boxes[a, 0], boxes[b, 0])
        height = max(boxes[a, 3], boxes[b, 3]) - min(boxes[a, 1], boxes[b, 1])
        total += 1 - (width * height - together) / image_area
    return float(total / terms.sum())


@kernel
def _intersection(first: Array, second: Array) -> float:
    """Histogram intersection, in four running sums that the processor can overlap."""
    s0 = s1 = s2 = s3 = np.float32(0)
    whole = first.size - first.size % 4
    for i in range(0, whole, 4):
        s0 += min(first[i], second[i])
        s1 += min(first[i + 1], second[i + 1])
        s2 += min(first[i + 2], second[i + 2])
        s3 += min(first[i + 3], second[i + 3])
    for i in range(whole, first.size):
        s0 += min(first[i], second[i])
    return float((s0 + s1) + (s2 + s3))
