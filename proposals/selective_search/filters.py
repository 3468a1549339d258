"""Gaussian smoothing and derivatives.

Written as plain loops in float32, so that sums keep one order and boxes come out the same
on every processor; a vector library may add in another order on another machine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, subroutine

FloatPlane = NDArray[np.float32]


def gaussian_smooth(planes: NDArray[np.uint8], sigma: float) -> FloatPlane:
    """Return an image ``(C, H, W)`` smoothed by a Gaussian of ``sigma`` pixels.

    As in the code of Felzenszwalb & Huttenlocher (filter.h, convolve.h): the filter reaches
    ceil(4 sigma) pixels each way, and pixels beyond the border are those on it.
    """
    if sigma <= 0:
        return planes.astype(np.float32)
    smooth = _gaussian(sigma)
    filtered = np.empty(planes.shape, np.float32)
    for plane, out in zip(planes, filtered, strict=True):
        _filter(plane, smooth, smooth, out)
    return filtered


def gaussian_derivatives(plane: NDArray[np.uint8], sigma: float) -> tuple[FloatPlane, FloatPlane]:
    """Return the derivatives along x and along y, each ``(H, W)``, of a smoothed plane."""
    smooth, slope = _gaussian(sigma), _gaussian_slope(sigma)
    along_x, along_y = np.empty(plane.shape, np.float32), np.empty(plane.shape, np.float32)
    _filter(plane, slope, smooth, along_x)
    _filter(plane, smooth, slope, along_y)
    return along_x, along_y


class _Taps(NamedTuple):
    """A filter: the weight of the pixel itself, and of those 1, 2, ... pixels further."""

    weights: NDArray[np.float32]  # (radius + 1,); the radius is even
    mirror: np.float32  # 1 or -1, by which the weights on the left differ


def _distances(sigma: float) -> NDArray[np.float64]:
    """Return 0, 1, ... up to the filter's reach, and one more where that is odd."""
    radius = math.ceil(4 * sigma)
    return np.arange(radius + radius % 2 + 1, dtype=np.float64)


def _bell(sigma: float) -> NDArray[np.float64]:
    distances = _distances(sigma)
    bell: NDArray[np.float64] = np.exp(-0.5 * (distances / sigma) ** 2)
    return np.where(distances <= math.ceil(4 * sigma), bell, 0)


def _gaussian(sigma: float) -> _Taps:
    weights = _bell(sigma)
    total = 2 * float(weights[1:].sum()) + float(weights[0])
    return _Taps((weights / total).astype(np.float32), np.float32(1))


def _gaussian_slope(sigma: float) -> _Taps:
    """Taps that give a ramp of slope 1 the derivative 1."""
    weights = _distances(sigma) * _bell(sigma)
    scale = 2 * float((weights * _distances(sigma)).sum())
    return _Taps((weights / scale).astype(np.float32), np.float32(-1))


def _filter(plane: NDArray[np.uint8], rows: _Taps, columns: _Taps, filtered: FloatPlane) -> None:
    """Filter rows by one filter and columns by another of the same radius."""
    width, radius = plane.shape[1], rows.weights.size - 1
    padded = np.empty(width + 2 * radius, np.float32)
    ring = np.empty((2 * radius + 1, width), np.float32)
    _separable(plane, rows, columns, padded, ring, filtered)


@kernel
def _separable(
    plane: NDArray[np.uint8],
    rows: _Taps,
    columns: _Taps,
    padded: NDArray[np.float32],
    ring: NDArray[np.float32],
    filtered: FloatPlane,
) -> None:
    """Filter rows, and columns as soon as the rows that they need are there.

    Only as many filtered rows are kept, in ``ring``, as the filter is long, so that they stay
    in the processor's cache.
    """
    height, width = plane.shape
    length = ring.shape[0]
    radius = length // 2
    for y in range(-radius, height + radius):
        _pad(plane[min(max(y, 0), height - 1)], padded)
        row = ring[(y + radius) % length]
        _scale(row, rows.weights[0], padded[radius : radius + width])
        for tap in range(1, radius, 2):
            _add_two_taps(
                row, rows, tap,
                padded[radius - tap : radius - tap + width],
                padded[radius + tap : radius + tap + width],
                padded[radius - tap - 1 : radius - tap - 1 + width],
                padded[radius + tap + 1 : radius + tap + 1 + width],
            )  # fmt: skip
        if y >= radius:
            out = filtered[y - radius]
            _scale(out, columns.weights[0], ring[y % length])
            for tap in range(1, radius, 2):
                _add_two_taps(
                    out, columns, tap,
                    ring[(y - tap) % length],
                    ring[(y + tap) % length],
                    ring[(y - tap - 1) % length],
                    ring[(y + tap + 1) % length],
                )  # fmt: skip


@subroutine
def _pad(row: NDArray[np.uint8], padded: NDArray[np.float32]) -> None:
    radius = (padded.size - row.size) // 2
    for x in range(radius):
        padded[x] = row[0]
        padded[radius + row.size + x] = row[row.size - 1]
    for x in range(row.size):
        padded[radius + x] = row[x]


@subroutine
def _scale(total: NDArray[np.float32], weight: np.float32, row: NDArray[np.float32]) -> None:
    for x in range(total.size):
        total[x] = weight * row[x]


@subroutine
def _add_two_taps(
    total: NDArray[np.float32],
    taps: _Taps,
    tap: int,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    further_left: NDArray[np.float32],
    further_right: NDArray[np.float32],
) -> None:
    """Add what lies ``tap`` pixels away, and what lies one pixel further."""
    weight, next_weight, mirror = taps.weights[tap], taps.weights[tap + 1], taps.mirror
    for x in range(total.size):
        near = weight * (right[x] + mirror * left[x])
        total[x] = total[x] + near + next_weight * (further_right[x] + mirror * further_left[x])
