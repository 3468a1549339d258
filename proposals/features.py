"""What Selective Search knows of a region: size, box, colour and texture histograms.

Selective Search paper, section 3.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proposals._numba import kernel
from proposals.filters import gaussian_derivatives

COLOUR_BINS = 25  # a channel
TEXTURE_BINS = 10  # a channel and orientation
ORIENTATIONS = 8
COLOUR_LENGTH = 3 * COLOUR_BINS
TEXTURE_LENGTH = 3 * ORIENTATIONS * TEXTURE_BINS


class Regions(NamedTuple):
    """Descriptions of n regions.

    Histograms sum to 1: of a pixel each of the 3 channels counts a third in ``colour``, and
    each of the 3 x 8 responses a 24th in ``texture``.
    """

    sizes: NDArray[np.int32]  # (n,) pixels
    boxes: NDArray[np.int32]  # (n, 4) x1, y1, x2, y2; right and bottom exclusive
    colour: NDArray[np.float32]  # (n, 75)
    texture: NDArray[np.float32]  # (n, 240)


def texture_bins(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Return, for each pixel, the histogram bins that its texture falls into.

    The texture of a pixel is the positive part of the Gaussian derivative in eight
    directions, 45 degrees apart, for each channel. Bins divide the range from 0 to the
    largest response of the channel in the image, which the paper leaves open.

    Parameters
    ----------
    image : ndarray, (H, W, 3) uint8
    sigma : float
        Width of the Gaussian, in pixels.

    Returns
    -------
    ndarray, (H, W, 24) uint8
        Indices into the 240 bins of a texture histogram.
    """
    return _texture_bins(*gaussian_derivatives(image, sigma))


@kernel
def _texture_bins(slope_x: NDArray[np.float32], slope_y: NDArray[np.float32]) -> NDArray[np.uint8]:
    height, width, _ = slope_x.shape
    diagonal = np.float32(np.sqrt(0.5))
    bins = np.empty((height, width, 24), np.uint8)
    for c in range(3):
        largest = np.float32(0)
        for y in range(height):
            for x in range(width):
                gx, gy = slope_x[y, x, c], slope_y[y, x, c]
                largest = max(largest, abs(gx), abs(gy), diagonal * (abs(gx) + abs(gy)))
        scale = np.float32(TEXTURE_BINS) / largest if largest > 0 else np.float32(0)
        for y in range(height):
            for x in range(width):
                gx, gy = slope_x[y, x, c] * scale, slope_y[y, x, c] * scale
                rising, falling = diagonal * (gx + gy), diagonal * (gy - gx)
                first = c * ORIENTATIONS * TEXTURE_BINS
                for o, response in enumerate((gx, rising, gy, falling)):
                    # Opposite directions share a response; its sign says whose it is.
                    level = min(int(abs(response)), TEXTURE_BINS - 1)
                    ahead = level if response > 0 else 0
                    behind = level if response < 0 else 0
                    bins[y, x, c * 8 + o] = first + o * TEXTURE_BINS + ahead
                    bins[y, x, c * 8 + o + 4] = first + (o + 4) * TEXTURE_BINS + behind
    return bins


def describe_regions(
    labels: NDArray[np.int32], image: NDArray[np.uint8], bins: NDArray[np.uint8]
) -> Regions:
    """Describe every region of a segmentation.

    Parameters
    ----------
    labels : ndarray, (H, W) int32
        Region of each pixel, 0 ... n - 1, none empty.
    image : ndarray, (H, W, 3) uint8
    bins : ndarray, (H, W, 24) uint8
        Of `texture_bins`.
    """
    sizes, boxes, colour, texture = _describe(labels, image, bins, int(labels.max()) + 1)
    pixels = sizes[:, None].astype(np.float32)
    return Regions(
        sizes,
        boxes,
        colour.astype(np.float32) / (3 * pixels),
        texture.astype(np.float32) / (24 * pixels),
    )


@kernel
def _describe(
    labels: NDArray[np.int32], image: NDArray[np.uint8], bins: NDArray[np.uint8], count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    height, width = labels.shape
    sizes = np.zeros(count, np.int32)
    boxes = np.zeros((count, 4), np.int32)
    boxes[:, 0] = width
    boxes[:, 1] = height
    colour = np.zeros((count, COLOUR_LENGTH), np.int32)
    texture = np.zeros((count, TEXTURE_LENGTH), np.int32)
    for y in range(height):
        for x in range(width):
            region = labels[y, x]
            sizes[region] += 1
            box = boxes[region]
            box[0], box[1] = min(box[0], x), min(box[1], y)
            box[2], box[3] = max(box[2], x + 1), max(box[3], y + 1)
            for c in range(3):
                colour[region, c * COLOUR_BINS + image[y, x, c] * COLOUR_BINS // 256] += 1
            for response in range(24):
                texture[region, bins[y, x, response]] += 1
    return sizes, boxes, colour, texture


def neighbours(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the pairs ``(E, 2)`` of regions that touch, smaller label first, in order."""
    count = np.int64(labels.max()) + 1
    keys = [_pair_keys(labels[:, :-1], labels[:, 1:], count)]
    keys.append(_pair_keys(labels[:-1], labels[1:], count))
    unique = np.unique(np.concatenate(keys))
    return np.stack([unique // count, unique % count], axis=1).astype(np.int32)


def _pair_keys(
    first: NDArray[np.int32], second: NDArray[np.int32], count: np.int64
) -> NDArray[np.int64]:
    touching = first != second
    a, b = first[touching], second[touching]
    keys: NDArray[np.int64] = np.minimum(a, b) * count + np.maximum(a, b)
    return keys
