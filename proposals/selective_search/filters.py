"""Gaussian smoothing and derivatives.

Written as plain loops in float32, so that sums keep one order and boxes come out the same
on every processor; a vector library may add in another order on another machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, subroutine

FloatPlane = NDArray[np.float32]


def gaussian_smooth(planes: NDArray[np.uint8], sigma: float) -> FloatPlane:
    """Return an image ``(C, H, W)`` smoothed by a Gaussian of ``sigma`` pixels.

    The kernel is cut at four sigmas and the image mirrored at its borders, as in
    `scipy.ndimage.gaussian_filter`.
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


def _offsets(sigma: float) -> NDArray[np.float64]:
    radius = int(4 * sigma + 0.5)
    return np.arange(-radius, radius + 1, dtype=np.float64)


def _gaussian(sigma: float) -> NDArray[np.float32]:
    weights = np.exp(-0.5 * (_offsets(sigma) / sigma) ** 2)
    return (weights / float(weights.sum())).astype(np.float32)


def _gaussian_slope(sigma: float) -> NDArray[np.float32]:
    """Weights that give a ramp of slope 1 the derivative 1."""
    weights = _offsets(sigma) * np.exp(-0.5 * (_offsets(sigma) / sigma) ** 2)
    scale = float((weights * _offsets(sigma)).sum())
    return (weights / scale).astype(np.float32)


def _filter(
    plane: NDArray[np.uint8],
    along_x: NDArray[np.float32],
    along_y: NDArray[np.float32],
    filtered: FloatPlane,
) -> None:
    """Filter rows by one kernel ``(taps,)`` and columns by another, into ``filtered``."""
    width, taps = plane.shape[1], along_x.size
    padded = np.empty(width + 2 * (taps // 2), np.float32)
    _separable(plane, along_x, along_y, padded, np.empty((taps, width), np.float32), filtered)


@kernel
def _separable(
    plane: NDArray[np.uint8],
    along_x: NDArray[np.float32],
    along_y: NDArray[np.float32],
    padded: NDArray[np.float32],
    ring: NDArray[np.float32],
    filtered: FloatPlane,
) -> None:
    """Filter rows, and columns as soon as the rows that they need are there.

    Only as many filtered rows are kept, in ``ring``, as the filter is long, so that they stay
    in the processor's cache.
    """
    height, width = plane.shape
    taps = along_x.size
    radius = taps // 2
    for y in range(-radius, height + radius):
        _pad(plane[_mirrored(y, height)], padded)
        row = ring[(y + radius) % taps]
        _clear(row)
        for tap in range(taps):
            _add_scaled(row, along_x[tap], padded[tap : tap + width])
        if y >= radius:
            out = filtered[y - radius]
            _clear(out)
            for tap in range(taps):
                _add_scaled(out, along_y[tap], ring[(y - radius + tap) % taps])


@subroutine
def _clear(row: NDArray[np.float32]) -> None:
    for x in range(row.size):
        row[x] = 0


@subroutine
def _pad(row: NDArray[np.uint8], padded: NDArray[np.float32]) -> None:
    radius = (padded.size - row.size) // 2
    for x in range(row.size):
        padded[x + radius] = row[x]
    for x in range(radius):
        padded[x] = row[_mirrored(x - radius, row.size)]
        padded[row.size + radius + x] = row[_mirrored(row.size + x, row.size)]


@subroutine
def _add_scaled(total: NDArray[np.float32], weight: np.float32, row: NDArray[np.float32]) -> None:
    for x in range(total.size):
        total[x] += weight * row[x]


@subroutine
def _mirrored(position: int, length: int) -> int:
    """Reflect an index at the borders: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ..."""
    position %= 2 * length
    return min(position, 2 * length - 1 - position)
