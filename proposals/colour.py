"""Colour spaces of Selective Search: RGB pictures as three uint8 channels of another space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from proposals._opencv import cv2

Image = NDArray[np.uint8]


def convert(image: Image, colour_space: str) -> Image:
    """Convert an RGB image ``(H, W, 3)`` uint8 to ``colour_space``, again (H, W, 3) uint8.

    Every channel fills 0-255, as the published code has it before segmentation.

    Raises
    ------
    ValueError
        If the colour space is none of `COLOUR_SPACES`.
    """
    if colour_space not in COLOUR_SPACES:
        raise ValueError(
            f"colour space must be one of {', '.join(COLOUR_SPACES)}, but got '{colour_space}'"
        )
    return COLOUR_SPACES[colour_space](image)


def _hsv(image: Image) -> Image:
    return cast("Image", cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL))


def _lab(image: Image) -> Image:
    return cast("Image", cv2.cvtColor(image, cv2.COLOR_RGB2Lab))


COLOUR_SPACES: Mapping[str, Callable[[Image], Image]] = MappingProxyType({"hsv": _hsv, "lab": _lab})
"""Converters by name."""
