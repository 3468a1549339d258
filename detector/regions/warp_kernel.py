"""The compiled part of warping: parts of an image resized bilinearly into parts of frames.

The arithmetic is that of OpenCV's bilinear resize of bytes: pixel centres lie at halves, border
pixels repeat, weights have 11 bits, and columns are blended before rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, kernel, subroutine

ONE = 1 << 11
"""The weight of a pixel that is taken alone."""

COLUMN_SHIFT = 4
"""Bits dropped once columns are blended, so that a value fits 16 bits."""

ROW_SHIFT = 16
"""Bits dropped of each row's weighted value; two more follow with the sum, 22 in all."""


class Placement(NamedTuple):
    """Where regions lie on one axis of the image, and where on that axis of their frames.

    Attributes
    ----------
    source_first, source_last : ndarray, (R,) int64
        First and last pixel of the image, both inclusive.
    target_first, target_end : ndarray, (R,) int64
        First pixel of the frame, and the pixel after the last.
    """

    source_first: NDArray[np.int64]
    source_last: NDArray[np.int64]
    target_first: NDArray[np.int64]
    target_end: NDArray[np.int64]


class Taps(NamedTuple):
    """The two pixels of the image that each pixel of the frames blends, on one axis.

    All are 0 where the frame holds none of the image.

    Attributes
    ----------
    first, second : ndarray, (R, S) int32
        Pixels of the image: neighbours, or one pixel twice at the border of the region.
    weight : ndarray, (R, S) int32
        Share of the second, out of ``ONE``.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    weight: NDArray[np.int32]


def find_taps(placement: Placement, size: int) -> Taps:
    """Return the taps of frames of ``size`` pixels."""
    first, second, weight = np.zeros((3, len(placement.source_first), size), np.int32)
    taps = Taps(first, second, weight)
    _find_taps(placement, taps)
    return taps


@kernel
def _find_taps(placement: Placement, taps: Taps) -> None:
    for region in range(placement.source_first.size):
        low, high = placement.source_first[region], placement.source_last[region]
        start, end = placement.target_first[region], placement.target_end[region]
        scale = (high - low + 1) / (end - start)
        for x in range(end - start):
            # In single precision, as OpenCV has it: weights near a half round with it.
            position = np.float32((x + 0.5) * scale - 0.5)
            whole = np.floor(position)
            first = low + int(whole)
            taps.first[region, start + x] = max(first, low)
            taps.second[region, start + x] = min(first + 1, high)
            taps.weight[region, start + x] = np.rint((position - whole) * np.float32(ONE))


@kernel
def resize_regions(
    image: NDArray[np.uint8],
    columns: Placement,
    rows: Placement,
    column_taps: Taps,
    row_taps: Taps,
    outside: NDArray[np.uint8],
    blended: NDArray[np.int16],
    windows: NDArray[np.uint8],
) -> None:
    """Fill every window with its region, resized, and with the colour outside the image.

    Parameters
    ----------
    image : ndarray, (H, 3W) uint8
        Pixels of three bytes.
    columns, rows : Placement
        Of R regions.
    column_taps, row_taps : Taps
        Of the same; those of columns are in bytes of a row, three a pixel.
    outside : ndarray, (3S,) uint8
        A line of the colour outside the image.
    blended : ndarray, (2, 3S) int16
        Space for two rows of the image.
    windows : ndarray, (R, S, 3S) uint8
        Is filled.
    """
    for region in range(windows.shape[0]):
        start, end = columns.target_first[region], columns.target_end[region]
        top, bottom = rows.target_first[region], rows.target_end[region]
        window = windows[region]
        _paint_outside(window, outside, 3 * start, 3 * end, top, bottom)
        _resize_region(
            image,
            _part(column_taps, region, start, end),
            _part(row_taps, region, top, bottom),
            window[top:bottom],
            3 * start,
            blended,
        )


@subroutine
def _paint_outside(
    window: NDArray[np.uint8],
    outside: NDArray[np.uint8],
    start: int,
    end: int,
    top: int,
    bottom: int,
) -> None:
    """Paint all but the bytes from ``start`` to ``end`` of the lines from ``top`` to ``bottom``."""
    for y in range(window.shape[0]):
        inside = top <= y < bottom
        for x in range(start if inside else outside.size):
            window[y, x] = outside[x]
        for x in range(end if inside else outside.size, outside.size):
            window[y, x] = outside[x]


@subroutine
def _part(taps: Taps, region: int, start: int, end: int) -> Taps:
    """Return the taps of one region, each ``(end - start,)``."""
    return Taps(
        taps.first[region, start:end],
        taps.second[region, start:end],
        taps.weight[region, start:end],
    )


@subroutine
def _resize_region(
    image: NDArray[np.uint8],
    column_taps: Taps,
    row_taps: Taps,
    lines: NDArray[np.uint8],
    start: int,
    blended: NDArray[np.int16],
) -> None:
    """Resize one region into lines of its window, from byte ``start`` of each on.

    A row of the image is blended along x once and kept while lines need it, so that enlarging
    costs little more than the rows that there are.
    """
    length = 3 * column_taps.first.size
    upper, lower = blended[0, :length], blended[1, :length]
    upper_row = lower_row = -1
    for y in range(lines.shape[0]):
        first, second = row_taps.first[y], row_taps.second[y]
        if first == lower_row:
            upper, lower = lower, upper
            upper_row, lower_row = lower_row, upper_row
        if first != upper_row:
            _blend_columns(image[first], column_taps, upper)
            upper_row = first
        if second != lower_row:
            _blend_columns(image[second], column_taps, lower)
            lower_row = second
        _blend_rows(upper, lower, row_taps.weight[y], lines[y, start : start + length])


@subroutine
def _blend_columns(row: NDArray[np.uint8], taps: Taps, blended: NDArray[np.int16]) -> None:
    """Blend pixels of a row of bytes to ``(3S,)``."""
    for x in range(taps.first.size):
        left, right = np.uint32(taps.first[x]), np.uint32(taps.second[x])
        weight: Number = taps.weight[x]
        rest = ONE - weight
        for channel in range(3):
            # Unsigned, or every look-up would ask first whether it counts from the end.
            a: Number = row[np.uint32(left + channel)]
            b: Number = row[np.uint32(right + channel)]
            blended[3 * x + channel] = (a * rest + b * weight) >> COLUMN_SHIFT


@subroutine
def _blend_rows(
    upper: NDArray[np.int16], lower: NDArray[np.int16], weight: np.int32, line: NDArray[np.uint8]
) -> None:
    # In 32 bits a vector holds twice as many values as in numba's usual 64.
    rest = np.int32(ONE - weight)
    for x in range(line.size):
        above = np.int32(upper[x] * rest) >> ROW_SHIFT
        below = np.int32(lower[x] * weight) >> ROW_SHIFT
        line[x] = (above + below + 2) >> 2
