"""Edges by weight: the buckets that they are dealt to, and the sort within a bucket.

Kruskal's algorithm, by which `pixel_graph` and `segmentation` join regions, takes edges by
ascending weight. Most of a bucket's can be dropped before the rest is sorted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, subroutine

# Bucket 0 holds the weight 0; the others a 16th of an octave each, from 2**-6 up to 512
# (no two colours are further apart than 442). Bits of floats that are not negative order as
# the floats do. The last bucket takes edges that would leave the image: they weigh infinity.
_SHIFT = 19
_BASE = ((127 - 6) << 23 >> _SHIFT) - 1
BUCKETS = ((127 + 9) << 23 >> _SHIFT) - _BASE

# What is sorted is packed into one number: the bits of the weight, and below them a position.
POSITION_BITS = 32
POSITION = (1 << POSITION_BITS) - 1

_FEW = 40  # are sorted by insertion
_DIGIT_BITS = 10  # that a pass of the sort looks at; 6 where there are not many


class Candidates(NamedTuple):
    """Space for the edges of one bucket that may still join two regions."""

    keys: NDArray[np.int64]  # (2, M) weights and positions packed, and as much to sort them
    ends: NDArray[np.int32]  # (M, 2) the regions of each position
    digits: NDArray[np.int64]  # where the edges of each digit go, for the sort


def space_for(edges: int) -> Candidates:
    """Return space for so many edges."""
    return Candidates(
        np.empty((2, edges), np.int64),
        np.empty((edges, 2), np.int32),
        np.empty((1 << _DIGIT_BITS) + 1, np.int64),
    )


@subroutine
def bucket_of(bits: Number) -> Number:
    """Return the bucket of a weight, given by its bits."""
    if bits == 0:
        return 0
    return min(max((bits >> _SHIFT) - _BASE, 1), BUCKETS - 1)


@subroutine
def least_weight(bucket: int) -> Number:
    """Return a weight that no edge of the bucket lies below."""
    if bucket < 2:
        return np.float32(0)
    return np.int32((bucket + _BASE) << _SHIFT).view(np.float32)


@subroutine
def packed(weight: Number, position: int) -> Number:
    """Pack a weight and a position below 2**32 into what `sorted_by_weight` sorts."""
    return np.int64(np.float32(weight).view(np.int32)) << POSITION_BITS | position


@subroutine
def weight_of(packed: Number) -> Number:
    """Return the weight that was packed."""
    return np.int32(packed >> POSITION_BITS).view(np.float32)


@subroutine
def sorted_by_weight(candidates: Candidates, count: int) -> NDArray[np.int64]:
    """Sort by weight what is sorted by position: the first so many of the keys.

    The result is in either of their two rows.
    """
    keys, spare = candidates.keys[0, :count], candidates.keys[1, :count]
    if count <= _FEW:
        _insertion_sort(keys)
        return keys
    least = most = keys[0]
    for key in keys:
        least, most = min(least, key), max(most, key)
    least = least >> POSITION_BITS << POSITION_BITS
    digit_bits = 6 if count < 500 else _DIGIT_BITS
    digits = candidates.digits[: (1 << digit_bits) + 1]
    shift = np.int64(POSITION_BITS)
    while shift < 63 and (most - least) >> shift:
        _radix_pass(keys, spare, least, shift, digits)
        keys, spare = spare, keys
        shift += digit_bits
    return keys


@subroutine
def _radix_pass(
    keys: NDArray[np.int64],
    result: NDArray[np.int64],
    least: int,
    shift: Number,
    digits: NDArray[np.int64],
) -> None:
    mask = digits.size - 2
    for digit in range(digits.size):
        digits[digit] = 0
    for key in keys:
        digits[((key - least) >> shift & mask) + 1] += 1
    for digit in range(mask):
        digits[digit + 1] += digits[digit]
    for key in keys:
        digit = (key - least) >> shift & mask
        result[digits[digit]] = key
        digits[digit] += 1


@subroutine
def _insertion_sort(keys: NDArray[np.int64]) -> None:
    for i in range(1, keys.size):
        key = keys[i]
        j = i
        while j > 0 and keys[j - 1] > key:
            keys[j] = keys[j - 1]
            j -= 1
        keys[j] = key
