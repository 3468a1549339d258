"""Gaussian smoothing and derivatives.

Written as plain loops in float32, so that sums keep one order and boxes come out the same
on every processor; a vector library may add in another order on another machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proposals._numba import kernel

FloatImage = NDArray[np.float32]


def gaussian_smooth(image: NDArray[np.uint8], sigma: float) -> FloatImage:
    """Return an image ``(H, W, 3)`` smoothed by a Gaussian of ``sigma`` pixels.

    The kernel is cut at four sigmas and the image mirrored at its borders, as in
    `scipy.ndimage.gaussian_filter`.
    """
    if sigma <= 0:
        return image.astype(np.float32)
    smooth = _gaussian(sigma)
    return _separable(image.astype(np.float32), smooth, smooth)


def gaussian_derivatives(image: NDArray[np.uint8], sigma: float) -> tuple[FloatImage, FloatImage]:
    """Return the derivatives along x and along y, each ``(H, W, 3)``, of a smoothed image."""
    pixels = image.astype(np.float32)
    smooth, slope = _gaussian(sigma), _gaussian_slope(sigma)
    return _separable(pixels, slope, smooth), _separable(pixels, smooth, slope)


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


@kernel
def _separable(
    image: FloatImage, along_x: NDArray[np.float32], along_y: NDArray[np.float32]
) -> FloatImage:
    height, width, channels = image.shape
    radius = along_x.size // 2
    rows = np.empty((height + 2 * radius, width * channels), np.float32)
    for y in range(height):
        for x in range(width):
            inside = radius <= x < width - radius
            for c in range(channels):
                total = np.float32(0)
                for tap in range(along_x.size):
                    source = x + tap - radius
                    if not inside:
                        source = _mirrored(source, width)
                    total += along_x[tap] * image[y, source, c]
                rows[y + radius, x * channels + c] = total
    for border in range(radius):
        rows[border] = rows[radius + _mirrored(border - radius, height)]
        rows[height + radius + border] = rows[radius + _mirrored(height + border, height)]
    filtered = np.zeros((height, width * channels), np.float32)
    for y in range(height):
        for tap in range(along_y.size):
            weight = along_y[tap]
            for i in range(width * channels):
                filtered[y, i] += weight * rows[y + tap, i]
    return filtered.reshape(height, width, channels)


@kernel
def _mirrored(position: int, length: int) -> int:
    """Reflect an index at the borders: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ..."""
    position %= 2 * length
    return min(position, 2 * length - 1 - position)
