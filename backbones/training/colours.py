"""Changed colours, so that a network learns to see through light and camera (Howard 2013).

Brightness, contrast and colour are changed in an order drawn anew, each by a factor from 0.5 to
1.5; then all pixels are moved by one colour, drawn along the axes in which the colours of
ImageNet's pictures vary (Krizhevsky et al. 2012, section 4.1). Howard used Pillow's enhancers,
and so does this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

_ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)

# Of ImageNet's colours, as published with fb.resnet.torch (datasets/imagenet.lua): a column an
# axis, red, green, blue down; and how far colours spread along each, in shares of 255.
_AXES = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
_SPREADS = np.array([0.2175, 0.0188, 0.0045])


@dataclass(frozen=True)
class ColourConfig:
    """How much colours are changed.

    Attributes
    ----------
    enhancement : float
        Brightness, contrast and colour are multiplied by factors within this distance of 1.
    lighting : float
        Standard deviation of the move along each axis, in units of that axis's spread.

    Raises
    ------
    ValueError
        If ``enhancement`` lies outside [0, 1] or ``lighting`` is negative or not finite.
    """

    enhancement: float = 0.5
    lighting: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.enhancement <= 1:
            raise ValueError(f"enhancement must be in [0, 1] but got {self.enhancement}")
        if not 0 <= self.lighting < math.inf:
            raise ValueError(f"lighting must be a number from 0 but got {self.lighting}")


def distort_colours(
    picture: Image.Image, generator: np.random.Generator, config: ColourConfig
) -> NDArray[np.uint8]:
    """Change the colours of an RGB picture as a generator decides.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB.
    """
    for which in generator.permutation(len(_ENHANCERS)):
        factor = generator.uniform(1 - config.enhancement, 1 + config.enhancement)
        picture = _ENHANCERS[which](picture).enhance(factor)
    shift = _AXES @ (generator.normal(0, config.lighting, 3) * _SPREADS) * 255  # (3,)
    pixels: NDArray[np.float32] = np.asarray(picture, np.float32)  # (H, W, 3)
    moved: NDArray[np.float32] = (pixels + shift.astype(np.float32)).round()
    return moved.clip(0, 255).astype(np.uint8)
