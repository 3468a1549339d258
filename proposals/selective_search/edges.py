"""Edges by weight: buckets, a sort, and the joining of what they connect.

Shared by `pixel_graph` and `segmentation`, whose kernels have these compiled in: after a
change here their compiled code on disk is out of date, and must be deleted (__pycache__).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, kernel

# Bucket 0 holds the weight 0; the others a 16th of an octave each, from 2**-6 up to 512
# (no two colours are further apart than 442). Bits of floats that are not negative order as
# the floats do. The last bucket takes edges that would leave the image: they weigh infinity.
_SHIFT = 19
_BASE = ((127 - 6) << 23 >> _SHIFT) - 1
BUCKETS = ((127 + 9) << 23 >> _SHIFT) - _BASE

# What is sorted is packed into one number: the bits of the weight, and below them a position.
POSITION_BITS = 32
POSITION = (1 << POSITION_BITS) - 1


class Room(NamedTuple):
    """Space for the part of one bucket that is sorted."""

    order: NDArray[np.int64]  # (2, M) weights and positions packed, and as much to sort them
    ends: NDArray[np.int32]  # (M, 2) the regions of each position


@kernel
def bucket_of(bits: Number) -> Number:
    """Return the bucket of a weight, given by its bits."""
    if bits == 0:
        return 0
    return min(max((bits >> _SHIFT) - _BASE, 1), BUCKETS - 1)


@kernel
def least_weight(bucket: int) -> Number:
    """Return a weight that no edge of the bucket lies below."""
    if bucket < 2:
        return np.float32(0)
    return np.int32((bucket + _BASE) << _SHIFT).view(np.float32)


@kernel
def packed(weight: Number, position: int) -> Number:
    """Pack a weight and a position below 2**32 into what `sorted_by_weight` sorts."""
    return np.int64(np.float32(weight).view(np.int32)) << POSITION_BITS | position


@kernel
def weight_of(packed: Number) -> Number:
    """Return the weight that was packed."""
    return np.int32(packed >> POSITION_BITS).view(np.float32)


@kernel
def sorted_by_weight(packed: NDArray[np.int64], spare: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort by weight what is sorted by position; the result is in either of the two arrays."""
    if packed.size <= 40:
        _insertion_sort(packed)
        return packed
    low = packed.min() >> POSITION_BITS << POSITION_BITS
    spread = packed.max() - low
    digit_bits = 6 if packed.size < 500 else 10
    ends = np.empty((1 << digit_bits) + 1, np.int64)
    shift = POSITION_BITS
    while shift < 63 and spread >> shift:
        _radix_pass(packed, spare, low, shift, ends)
        packed, spare = spare, packed
        shift += digit_bits
    return packed


@kernel
def _radix_pass(
    packed: NDArray[np.int64],
    result: NDArray[np.int64],
    low: int,
    shift: int,
    ends: NDArray[np.int64],
) -> None:
    mask = ends.size - 2
    ends[:] = 0
    for value in packed:
        ends[((value - low) >> shift & mask) + 1] += 1
    for digit in range(mask):
        ends[digit + 1] += ends[digit]
    for value in packed:
        digit = (value - low) >> shift & mask
        result[ends[digit]] = value
        ends[digit] += 1


@kernel
def _insertion_sort(packed: NDArray[np.int64]) -> None:
    for i in range(1, packed.size):
        value = packed[i]
        j = i
        while j > 0 and packed[j - 1] > value:
            packed[j] = packed[j - 1]
            j -= 1
        packed[j] = value


@kernel
def root_of(parents: NDArray[np.int32], node: Number) -> Number:
    """Return the node that stands for a node's region.

    ``parents`` holds for each node another of its region, or, for the one that stands for
    the region, the negated number of its pixels.
    """
    parent = parents[node]
    while parent >= 0:
        above = parents[parent]
        if above < 0:
            return parent
        parents[node] = above  # halving the path keeps trees flat
        node = above
        parent = parents[node]
    return node


@kernel
def unite(parents: NDArray[np.int32], a: Number, b: Number) -> Number:
    """Hang the smaller of two regions below the larger, and return that one."""
    if parents[b] < parents[a]:
        a, b = b, a
    parents[a] += parents[b]
    parents[b] = a
    return a
