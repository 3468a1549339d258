"""The texture of pixels: how strong, and in which direction, colours change around them.

Selective Search paper, section 3.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, subroutine
from proposals.selective_search.filters import gaussian_derivatives

TEXTURE_BINS = 10  # a channel and orientation
ORIENTATIONS = 8
AXES = ORIENTATIONS // 2  # opposite directions share a response; its sign says whose it is
LEVELS = 2 * TEXTURE_BINS - 1

_FLAT = np.float32(1e-3)  # slopes up to here are rounding; one pixel that is off by 1 gives 0.1


def texture_levels(planes: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Return, for each pixel, how strong its texture is along four axes.

    The texture of a pixel is the positive part of the Gaussian derivative in eight
    directions, 45 degrees apart, for each channel. Histogram bins divide the range from 0 to
    the largest response of the channel in the image, which the paper leaves open.

    Parameters
    ----------
    planes : ndarray, (C, H, W) uint8
    sigma : float
        Width of the Gaussian, in pixels.

    Returns
    -------
    ndarray, (C, 4, H, W) uint8
        9 plus the bin, 0 to 9, of the directions at 0, 45, 90 and 135 degrees; 9 minus the
        bin of those opposite.
    """
    levels = np.empty((len(planes), AXES, *planes.shape[1:]), np.uint8)
    for plane, out in zip(planes, levels, strict=True):
        along_x, along_y = gaussian_derivatives(plane, sigma)
        _quantise(along_x.reshape(-1), along_y.reshape(-1), out.reshape(AXES, -1))
    return levels


@kernel
def _quantise(
    slope_x: NDArray[np.float32], slope_y: NDArray[np.float32], levels: NDArray[np.uint8]
) -> None:
    diagonal = np.float32(np.sqrt(0.5))
    largest = np.float32(0)
    for i in range(slope_x.size):
        x, y = abs(slope_x[i]), abs(slope_y[i])
        largest = max(largest, max(max(x, y), diagonal * (x + y)))
    scale = np.float32(TEXTURE_BINS) / largest if largest > _FLAT else np.float32(0)
    for i in range(slope_x.size):
        x, y = slope_x[i] * scale, slope_y[i] * scale
        levels[0, i] = _level(x)
        levels[1, i] = _level(diagonal * (x + y))
        levels[2, i] = _level(y)
        levels[3, i] = _level(diagonal * (y - x))


@subroutine
def _level(response: np.float32) -> np.uint8:
    bin_ = min(max(np.int32(response), np.int32(1 - TEXTURE_BINS)), np.int32(TEXTURE_BINS - 1))
    return np.uint8(bin_ + np.int32(TEXTURE_BINS - 1))
