"""Colour spaces of Selective Search: RGB pictures as uint8 planes of another space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from proposals.opencv import cv2

Image = NDArray[np.uint8]

_STRIP_PIXELS = 1 << 16  # of which OpenCV makes one piece of work


def convert(image: Image, colour_space: str) -> Image:
    """Convert an RGB image ``(H, W, 3)`` uint8 to planes ``(C, H, W)`` uint8.

    Every channel fills 0-255, as the published code has it before segmentation. C is 3, or 1
    in colour spaces that the published code makes of three equal channels.

    Raises
    ------
    ValueError
        If the colour space is none of `COLOUR_SPACES`.
    """
    if colour_space not in COLOUR_SPACES:
        raise ValueError(
            f"colour space must be one of {', '.join(COLOUR_SPACES)}, but got '{colour_space}'"
        )
    channels = COLOUR_SPACES[colour_space](image)
    return np.ascontiguousarray(np.moveaxis(np.atleast_3d(channels), 2, 0))


def _rgb(image: Image) -> Image:
    return image


def _by_opencv(image: Image, code: int, channels: int) -> Image:
    """Convert by OpenCV, to ``(H, W, channels)``, in the calling thread alone.

    In strips of so few pixels that OpenCV does not spread them over its own pool of threads:
    whoever asks for one thread gets one, and ``cv2.setNumThreads``, which is for the whole
    process, stays the user's.
    """
    converted = np.empty((*image.shape[:2], channels), np.uint8)
    height = max(1, _STRIP_PIXELS // image.shape[1])
    for top in range(0, len(image), height):
        rows = slice(top, top + height)
        strip = cv2.cvtColor(image[rows], code)
        converted[rows] = strip.reshape(-1, *converted.shape[1:])
    return converted


def _hsv(image: Image) -> Image:
    return _by_opencv(image, cv2.COLOR_RGB2HSV_FULL, channels=3)


def _lab(image: Image) -> Image:
    return _by_opencv(image, cv2.COLOR_RGB2Lab, channels=3)


def _hue(image: Image) -> Image:
    return _hsv(image)[:, :, 0]


def _intensity(image: Image) -> Image:
    return _by_opencv(image, cv2.COLOR_RGB2GRAY, channels=1)[:, :, 0]


def _normalised_rgb(image: Image) -> Image:
    """Return each channel's share of the three, rounded down; black counts as grey."""
    sums = image.sum(axis=2, dtype=np.int32)[:, :, None]
    shares = image.astype(np.int32) * 255 // np.maximum(sums, 1)
    return np.where(sums == 0, 85, shares).astype(np.uint8)


def _rgi(image: Image) -> Image:
    return np.dstack([_normalised_rgb(image)[:, :, :2], _intensity(image)])


COLOUR_SPACES: Mapping[str, Callable[[Image], Image]] = MappingProxyType(
    {
        "hsv": _hsv,
        "lab": _lab,
        "rgi": _rgi,
        "h": _hue,
        "intensity": _intensity,
        "rgb": _rgb,
        "nrgb": _normalised_rgb,
    }
)
"""Converters by name; `rgi` is the normalised red and green with the intensity."""
