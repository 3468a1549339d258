"""Hierarchical grouping: the two most similar neighbours are joined until one region is left.

Selective Search paper, algorithm 1 and section 3.2.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, kernel
from proposals.selective_search.features import COLOUR_BINS, ONE, Regions

Array = NDArray[Any]  # of the types that `Regions` names

SIMILARITIES = ("colour", "texture", "size", "fill")
"""Terms that a similarity may be the mean of."""

_EDGE_BITS = 31  # similarities take 33: the sum of four terms of at most 2**30
_EDGE_MASK = (1 << _EDGE_BITS) - 1
_NONE = (1 << 63) - 1  # comes after every key


def group(
    regions: Regions, pairs: NDArray[np.int32], image_area: int, similarity: Collection[str]
) -> NDArray[np.int32]:
    """Join regions pair by pair and return the box of each union.

    Similarities are whole numbers of 2**-30, which come out the same on every processor.
    Equal ones are settled by age: the pair that became neighbours first is joined.

    Parameters
    ----------
    regions : Regions
        The n initial regions.
    pairs : ndarray, (E, 2) int32
        Regions that touch, each pair once, the smaller first, in order.
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
    repeats = 3 * COLOUR_BINS // regions.colour.shape[1]  # one channel stands for three
    terms = [term in similarity for term in SIMILARITIES]
    unused = np.empty((0, 0), np.int32)
    room = Regions(
        np.concatenate([regions.sizes, np.zeros_like(regions.sizes)]),
        np.concatenate([regions.boxes, np.zeros_like(regions.boxes)]),
        regions.colour.copy() if terms[0] else unused,
        regions.texture.copy() if terms[1] else unused,
    )
    return _group(room, pairs, image_area, np.array(terms), repeats)


class _Edges(NamedTuple):
    """Pairs of neighbours, each filed under the region that came later: its owner.

    A region's own edges lie side by side, since they are all made when it is.
    """

    keys: NDArray[np.int64]  # (room,) of `_key`
    owners: NDArray[np.int32]  # (room,)
    others: NDArray[np.int32]  # (room,)
    nexts: NDArray[np.int32]  # (room,) the next edge with the same other region, or -1
    heads: NDArray[np.int32]  # (2n,) the first edge that has a region as its other, or -1


@kernel
def _group(regions: Regions, pairs: Array, image_area: int, terms: Array, repeats: int) -> Array:
    """Do the work in place: sizes and boxes have room for unions, histograms are overwritten.

    The queue holds only the best edge of each owner. That is enough to find the best of
    all; and when it turns out to lead to a region that is gone, the owner's next best follows.
    """
    count = regions.sizes.size // 2
    rows = np.arange(2 * count)  # where a region's histograms are; -1 when it is gone
    edges = _no_edges(2 * count, 4 * pairs.shape[0] + count)
    firsts = np.zeros(2 * count + 1, np.int64)  # where each region's own edges begin and end
    made = _add_first_edges(regions, rows, pairs, image_area, terms, repeats, edges, firsts)
    queue = [np.int64(_NONE)]
    for region in range(count):
        queue.append(_best(edges, rows, firsts[region], firsts[region + 1]))
    heapq.heapify(queue)
    met = np.zeros(2 * count, np.int32)  # the last union that a region became neighbour of
    union = count
    while queue[0] != _NONE:
        edge = queue[0] & _EDGE_MASK
        a, b = edges.owners[edge], edges.others[edge]
        if rows[a] < 0:
            heapq.heappop(queue)
            continue
        if rows[b] < 0:
            heapq.heapreplace(queue, _best(edges, rows, firsts[a], firsts[a + 1]))
            continue
        _unite(regions, rows, a, b, union, terms)
        if made + 2 * count - union > edges.keys.size:
            edges = _enlarged(edges)
        for other in _touching(edges, a, firsts) + _touching(edges, b, firsts):
            if rows[other] >= 0 and met[other] != union:
                met[other] = union
                likeness = _similarity(regions, rows, union, other, image_area, terms, repeats)
                made = _add(edges, made, union, other, likeness)
        firsts[union + 1] = made
        heapq.heapreplace(queue, _best(edges, rows, firsts[union], made))
        union += 1
    return regions.boxes[count:union]


@kernel
def _no_edges(regions: int, room: int) -> _Edges:
    return _Edges(
        np.empty(room, np.int64),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.full(regions, -1, np.int32),
    )


@kernel
def _add_first_edges(
    regions: Regions,
    rows: Array,
    pairs: Array,
    image_area: int,
    terms: Array,
    repeats: int,
    edges: _Edges,
    firsts: Array,
) -> int:
    """File each pair under its smaller region; return their number."""
    made = 0
    for region in range(firsts.size // 2):
        firsts[region] = made
        while made < pairs.shape[0] and pairs[made, 0] == region:
            other = pairs[made, 1]
            likeness = _similarity(regions, rows, region, other, image_area, terms, repeats)
            made = _add(edges, made, region, other, likeness)
    firsts[firsts.size // 2] = made
    return made


@kernel
def _enlarged(edges: _Edges) -> _Edges:
    old = edges.keys.size
    larger = _no_edges(edges.heads.size, 2 * old)
    larger.keys[:old], larger.owners[:old] = edges.keys, edges.owners
    larger.others[:old], larger.nexts[:old] = edges.others, edges.nexts
    larger.heads[:] = edges.heads
    return larger


@kernel
def _add(edges: _Edges, made: int, owner: int, other: int, likeness: int) -> int:
    edges.keys[made] = _key(likeness, made)
    edges.owners[made], edges.others[made] = owner, other
    edges.nexts[made], edges.heads[other] = edges.heads[other], made
    return made + 1


@kernel
def _key(likeness: Number, edge: int) -> Number:
    """Pack a similarity and an edge into one number; a heap gives the smallest first.

    Above, the negated similarity; below, the edge's number, so that of equal similarities
    the older edge comes first.
    """
    return -likeness << _EDGE_BITS | edge


@kernel
def _best(edges: _Edges, rows: Array, begin: int, end: int) -> Number:
    """Return the first key, of some edges, whose other region is not gone; or `_NONE`."""
    best: Number = _NONE
    for edge in range(begin, end):
        if rows[edges.others[edge]] >= 0:
            best = min(best, edges.keys[edge])
    return best


@kernel
def _touching(edges: _Edges, region: int, firsts: Array) -> list[int]:
    """Return all that a region ever touched."""
    found = [int(other) for other in edges.others[firsts[region] : firsts[region + 1]]]
    edge = edges.heads[region]
    while edge >= 0:
        found.append(int(edges.owners[edge]))
        edge = edges.nexts[edge]
    return found


@kernel
def _unite(regions: Regions, rows: Array, a: int, b: int, union: int, terms: Array) -> None:
    """Describe a union; it takes the place of one of its parts, and the other's is left."""
    sizes, boxes = regions.sizes, regions.boxes
    sizes[union] = sizes[a] + sizes[b]
    for side in range(2):
        boxes[union, side] = min(boxes[a, side], boxes[b, side])
        boxes[union, side + 2] = max(boxes[a, side + 2], boxes[b, side + 2])
    share = sizes[a] / sizes[union]
    if terms[0]:
        _mix(regions.colour[rows[a]], regions.colour[rows[b]], share)
    if terms[1]:
        _mix(regions.texture[rows[a]], regions.texture[rows[b]], share)
    rows[union] = rows[a]
    rows[a] = rows[b] = -1


@kernel
def _mix(first: Array, second: Array, share: float) -> None:
    rest = 1 - share
    for i in range(first.size):
        first[i] = np.int32(share * first[i] + rest * second[i])


@kernel
def _similarity(
    regions: Regions, rows: Array, a: int, b: int, image_area: int, terms: Array, repeats: int
) -> Number:
    """Return the sum of the terms; their mean would order pairs in the same way."""
    boxes = regions.boxes
    together = np.int64(regions.sizes[a]) + regions.sizes[b]
    scale = ONE / image_area
    total = np.int64(0)
    if terms[0]:
        total += repeats * _intersection(regions.colour[rows[a]], regions.colour[rows[b]])
    if terms[1]:
        total += repeats * _intersection(regions.texture[rows[a]], regions.texture[rows[b]])
    if terms[2]:
        total += np.int64(scale * (image_area - together))
    if terms[3]:
        width = np.int64(max(boxes[a, 2], boxes[b, 2])) - min(boxes[a, 0], boxes[b, 0])
        height = np.int64(max(boxes[a, 3], boxes[b, 3])) - min(boxes[a, 1], boxes[b, 1])
        total += np.int64(scale * (image_area - width * height + together))
    return total


@kernel
def _intersection(first: Array, second: Array) -> Number:
    total = np.int32(0)
    for i in range(first.size):
        total = np.int32(total + min(first[i], second[i]))
    return total
