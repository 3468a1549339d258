"""The views of a picture that GoogLeNet learns from (paper, section 6).

A view is a crop of 8 to 100 % of the picture's area, evenly, with an aspect from 3/4 to 4/3,
resized by a method drawn anew for each, in other colours, and mirrored or not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backbones.preprocess import CROP_SIDE
from backbones.training.colours import ColourConfig, distort_colours

_TRIES = 10  # draws of a crop, after which the largest that fits is taken

# «Bilinear, area, nearest neighbor and cubic, with equal probability».
_METHODS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BOX,
    Image.Resampling.NEAREST,
    Image.Resampling.BICUBIC,
)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ViewConfig:
    """What views of a picture are like; the defaults are the paper's.

    Attributes
    ----------
    least_area, most_area : float
        Of a crop, in shares of the picture's; between them all are as likely.
    least_aspect, most_aspect : float
        Width of a crop over its height; between them all logarithms are as likely, so that
        wide and tall crops are.
    colours : ColourConfig

    Raises
    ------
    ValueError
        If a range is empty, an area lies outside (0, 1], or an aspect is not above 0.
    """

    least_area: float = 0.08
    most_area: float = 1.0
    least_aspect: float = 3 / 4
    most_aspect: float = 4 / 3
    colours: ColourConfig = field(default_factory=ColourConfig)

    def __post_init__(self) -> None:
        if not 0 < self.least_area <= self.most_area <= 1:
            raise ValueError(
                "areas must be 0 < least_area <= most_area <= 1 but got"
                f" {self.least_area} and {self.most_area}"
            )
        if not 0 < self.least_aspect <= self.most_aspect < math.inf:
            raise ValueError(
                "aspects must be 0 < least_aspect <= most_aspect but got"
                f" {self.least_aspect} and {self.most_aspect}"
            )


class CropBox(NamedTuple):
    """A rectangle in a picture, in pixels and parts of them; right and bottom lie outside."""

    left: float
    top: float
    right: float
    bottom: float


def draw_view(
    image_uint8: Pixels,
    generator: np.random.Generator,
    config: ViewConfig | None = None,
    size: int = CROP_SIDE,
) -> Pixels:
    """Draw one view of a picture.

    Parameters
    ----------
    image_uint8 : ndarray
        (H, W, 3) uint8 RGB of any size above 0.
    generator : numpy.random.Generator
        Decides everything.
    config : ViewConfig, optional
    size : int
        Height and width of the view in pixels.

    Returns
    -------
    ndarray
        (size, size, 3) uint8 RGB.
    """
    config = config or ViewConfig()
    height, width = image_uint8.shape[:2]
    box = draw_crop(height, width, generator, config)
    method = _METHODS[generator.integers(len(_METHODS))]
    # Cutting while resizing keeps the parts of pixels at the crop's edges.
    picture = Image.fromarray(image_uint8).resize((size, size), method, box=box)
    if generator.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return distort_colours(picture, generator, config.colours)


def draw_crop(
    height: int, width: int, generator: np.random.Generator, config: ViewConfig
) -> CropBox:
    """Draw the rectangle of a view in a picture of ``height`` by ``width`` pixels.

    A crop that does not fit is drawn again. Where none fits, as in very long pictures, the
    largest of a permitted aspect is taken, at any place.
    """
    for _ in range(_TRIES):
        area = generator.uniform(config.least_area, config.most_area) * height * width
        logarithms = math.log(config.least_aspect), math.log(config.most_aspect)
        aspect = math.exp(generator.uniform(*logarithms))
        crop_height, crop_width = math.sqrt(area / aspect), math.sqrt(area * aspect)
        if crop_height <= height and crop_width <= width:
            return _placed(crop_height, crop_width, height, width, generator)
    aspect = min(max(width / height, config.least_aspect), config.most_aspect)
    crop_height, crop_width = min(height, width / aspect), min(width, height * aspect)
    return _placed(crop_height, crop_width, height, width, generator)


def _placed(
    crop_height: float,
    crop_width: float,
    height: int,
    width: int,
    generator: np.random.Generator,
) -> CropBox:
    left = generator.uniform(0, width - crop_width)
    top = generator.uniform(0, height - crop_height)
    # Rounding must not lead out of the picture, which Pillow refuses.
    return CropBox(left, top, min(left + crop_width, width), min(top + crop_height, height))
