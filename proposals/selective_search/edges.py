"""Edges by weight: what is sorted, and the sort.

Kruskal's algorithm, by which `grains` and `segmentation` join regions, takes edges by ascending
weight, equal ones in the order in which the published code lists them. An edge is packed into
one number: the bits of its weight, and below them its position.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, kernel, subroutine

POSITION_BITS = 32
POSITION = (1 << POSITION_BITS) - 1

_DIGIT_BITS = 11  # three digits hold the bits of any float that is not negative
_DIGITS = 1 << _DIGIT_BITS


@subroutine
def packed(weight: Number, position: Number) -> Number:
    """Pack a weight and a position below 2**32 into a number that sorts by both.

    Bits of floats that are not negative order as the floats do.
    """
    return np.int64(np.float32(weight).view(np.int32)) << POSITION_BITS | position


@subroutine
def weight_of(edge: Number) -> Number:
    """Return the weight that was packed."""
    return np.int32(edge >> POSITION_BITS).view(np.float32)


class SortSpace(NamedTuple):
    """What `sorted_by_weight` works in."""

    spare: NDArray[np.int64]  # (M,)
    starts: NDArray[np.int64]  # (3, 2048) where the edges of each digit go


def sort_space(edges: int) -> SortSpace:
    """Return space to sort so many edges."""
    return SortSpace(np.empty(edges, np.int64), np.empty((3, _DIGITS), np.int64))


def sorted_by_weight(edges: NDArray[np.int64], space: SortSpace) -> NDArray[np.int64]:
    """Return packed edges ``(M,)`` by ascending weight, equal ones in their old order.

    The result lies in the space, and the edges are overwritten.
    """
    result = space.spare[: edges.size]
    _radix_sort(edges, result, space.starts)
    return result


@kernel
def _radix_sort(
    edges: NDArray[np.int64], result: NDArray[np.int64], starts: NDArray[np.int64]
) -> None:
    """Sort by three digits of the weight, the lowest first."""
    for digit in range(3):
        for value in range(_DIGITS):
            starts[digit, value] = 0
    for edge in edges:  # count all digits at once
        starts[0, _digit(edge, 0)] += 1
        starts[1, _digit(edge, 1)] += 1
        starts[2, _digit(edge, 2)] += 1
    for digit in range(3):
        start = np.int64(0)
        for value in range(_DIGITS):
            count = starts[digit, value]
            starts[digit, value] = start
            start += count
    _deal(edges, result, starts[0], 0)
    _deal(result, edges, starts[1], 1)
    _deal(edges, result, starts[2], 2)


@subroutine
def _digit(edge: Number, digit: int) -> Number:
    return edge >> (POSITION_BITS + digit * _DIGIT_BITS) & (_DIGITS - 1)


@subroutine
def _deal(
    edges: NDArray[np.int64], dealt: NDArray[np.int64], starts: NDArray[np.int64], digit: int
) -> None:
    for edge in edges:
        value = _digit(edge, digit)
        dealt[starts[value]] = edge
        starts[value] += 1
