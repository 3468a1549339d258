"""Hierarchical grouping: the two most similar neighbours are joined until one region is left.

Selective Search paper, algorithm 1 and section 3.2.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, kernel, subroutine
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
    terms = np.array([term in similarity for term in SIMILARITIES])
    unused = np.empty((0, 0), np.int32)
    with_unions = Regions(
        np.concatenate([regions.sizes, np.zeros_like(regions.sizes)]),
        np.concatenate([regions.boxes, np.zeros_like(regions.boxes)]),
        regions.colour.copy() if terms[0] else unused,
        regions.texture.copy() if terms[1] else unused,
    )
    count = len(regions.sizes)
    forest = _Forest(
        rows=np.arange(2 * count),
        firsts=np.zeros(2 * count + 1, np.int64),
        queue=np.empty(count, np.int64),
        met=np.zeros(2 * count, np.int32),
        found=np.empty(2 * count, np.int32),
    )
    edges = _no_edges(2 * count, 4 * len(pairs) + count)
    _begin(with_unions, forest, edges, pairs, image_area, terms, repeats)
    union = _join(with_unions, forest, edges, image_area, terms, repeats, count)
    while forest.queue[0] != _NONE:  # there was no space for more edges
        edges = _enlarged(edges)
        union = _join(with_unions, forest, edges, image_area, terms, repeats, union)
    return with_unions.boxes[count:union]


class _Edges(NamedTuple):
    """Pairs of neighbours, each filed under the region that came later: its owner.

    A region's own edges lie side by side, since they are all made when it is.
    """

    keys: NDArray[np.int64]  # (M,) of `_add`
    owners: NDArray[np.int32]  # (M,)
    others: NDArray[np.int32]  # (M,)
    nexts: NDArray[np.int32]  # (M,) the next edge with the same other region, or -1
    heads: NDArray[np.int32]  # (2n,) the first edge that has a region as its other, or -1


class _Forest(NamedTuple):
    """How far the joining of n regions has come; a union counts on from the regions."""

    rows: NDArray[np.int64]  # (2n,) where a region's histograms are; -1 when it is gone
    firsts: NDArray[np.int64]  # (2n + 1,) where each region's own edges begin and end
    queue: NDArray[np.int64]  # (n,) a heap of the best key of each owner, the smallest first
    met: NDArray[np.int32]  # (2n,) the last union that a region became neighbour of
    found: NDArray[np.int32]  # (2n,) space for the neighbours of one union


def _no_edges(regions: int, edges: int) -> _Edges:
    return _Edges(
        np.empty(edges, np.int64),
        np.empty(edges, np.int32),
        np.empty(edges, np.int32),
        np.empty(edges, np.int32),
        np.full(regions, -1, np.int32),
    )


def _enlarged(edges: _Edges) -> _Edges:
    """Return the edges with space for as many again."""
    old = edges.keys.size
    larger = _no_edges(edges.heads.size, 2 * old)
    larger.keys[:old], larger.owners[:old] = edges.keys, edges.owners
    larger.others[:old], larger.nexts[:old] = edges.others, edges.nexts
    larger.heads[:] = edges.heads
    return larger


@kernel
def _begin(
    regions: Regions,
    forest: _Forest,
    edges: _Edges,
    pairs: NDArray[np.int32],
    image_area: int,
    terms: Array,
    repeats: int,
) -> None:
    """File each pair under its smaller region, and queue the best of each."""
    count = forest.queue.size
    made = np.int64(0)
    for region in range(count):
        forest.firsts[region] = made
        while made < pairs.shape[0] and pairs[made, 0] == region:
            other = pairs[made, 1]
            likeness = _similarity(regions, forest.rows, region, other, image_area, terms, repeats)
            _add(edges, made, region, other, likeness)
            made += 1
        forest.queue[region] = _best(edges, forest.rows, forest.firsts[region], made)
    forest.firsts[count] = made
    for position in range(count // 2 - 1, -1, -1):
        _sift_down(forest.queue, position)


@kernel
def _join(
    regions: Regions,
    forest: _Forest,
    edges: _Edges,
    image_area: int,
    terms: Array,
    repeats: int,
    union: int,
) -> int:
    """Join until nothing is left to join, or no space for edges; return the next union.

    All is done in place: sizes and boxes have space for unions, histograms are overwritten.
    The queue holds only the best edge of each owner. That is enough to find the best of
    all; and when it turns out to lead to a region that is gone, the owner's next best follows.
    """
    rows, firsts, queue = forest.rows, forest.firsts, forest.queue
    while queue[0] != _NONE:
        edge = queue[0] & _EDGE_MASK
        a, b = edges.owners[edge], edges.others[edge]
        if rows[a] < 0:
            queue[0] = _NONE
        elif rows[b] < 0:
            queue[0] = _best(edges, rows, firsts[a], firsts[a + 1])
        else:
            made = firsts[union]
            if made + rows.size - union > edges.keys.size:
                break
            _unite(regions, rows, a, b, union, terms)
            count = _meet(edges, forest, a, union, np.int64(0))
            count = _meet(edges, forest, b, union, count)
            for other in forest.found[:count]:
                likeness = _similarity(regions, rows, union, other, image_area, terms, repeats)
                _add(edges, made, union, other, likeness)
                made += 1
            firsts[union + 1] = made
            queue[0] = _best(edges, rows, firsts[union], made)
            union += 1
        _sift_down(queue, np.int64(0))
    return union


@subroutine
def _sift_down(heap: NDArray[np.int64], position: Number) -> None:
    """Move a key down a binary heap until none below it is smaller."""
    key = heap[position]
    child = 2 * position + 1
    while child < heap.size:
        if child + 1 < heap.size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[position] = heap[child]
        position = child
        child = 2 * position + 1
    heap[position] = key


@subroutine
def _add(edges: _Edges, made: Number, owner: Number, other: Number, likeness: Number) -> None:
    """File the edge ``made``.

    Its key packs similarity and edge into one number, of which a heap gives the smallest first:
    above, the negated similarity; below, the edge's number, so that of equal similarities the
    older edge comes first.
    """
    edges.keys[made] = -likeness << _EDGE_BITS | made
    edges.owners[made], edges.others[made] = owner, other
    edges.nexts[made], edges.heads[other] = edges.heads[other], made


@subroutine
def _best(edges: _Edges, rows: Array, begin: Number, end: Number) -> Number:
    """Return the first key, of some edges, whose other region is not gone; or `_NONE`."""
    best: Number = _NONE
    for edge in range(begin, end):
        if rows[edges.others[edge]] >= 0:
            best = min(best, edges.keys[edge])
    return best


@subroutine
def _meet(edges: _Edges, forest: _Forest, part: Number, union: int, count: Number) -> Number:
    """Add to ``forest.found`` what a part of a union touches; return how many there are."""
    for edge in range(forest.firsts[part], forest.firsts[part + 1]):
        count = _note(forest, edges.others[edge], union, count)
    follower = edges.heads[part]
    while follower >= 0:
        count = _note(forest, edges.owners[follower], union, count)
        follower = edges.nexts[follower]
    return count


@subroutine
def _note(forest: _Forest, other: Number, union: int, count: Number) -> Number:
    """Note a neighbour of a union, unless it is gone or was noted before."""
    if forest.rows[other] < 0 or forest.met[other] == union:
        return count
    forest.met[other] = union
    forest.found[count] = other
    return count + 1


@subroutine
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


@subroutine
def _mix(first: Array, second: Array, share: float) -> None:
    rest = 1 - share
    for i in range(first.size):
        first[i] = np.int32(share * first[i] + rest * second[i])


@subroutine
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


@subroutine
def _intersection(first: Array, second: Array) -> Number:
    total = np.int32(0)
    for i in range(first.size):
        total = np.int32(total + min(first[i], second[i]))
    return total
