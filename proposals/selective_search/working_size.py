"""The size at which Selective Search looks at images, and the way back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from proposals.boxes import clip_boxes

_TALLEST = 4  # resized images are at most this many times as tall as wide


def to_width(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Bring an image (H, W, 3) to ``width`` pixels as MATLAB's imresize does, by bicubic.

    The height is rounded up, as there. Pillow resizes antialiased and in whole numbers, so it
    comes out the same everywhere. Very tall images are kept to a bounded number of pixels.
    """
    size = working_size(image.shape[0], image.shape[1], width)
    if size == image.shape[:2]:
        return image
    resized = Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC)
    return np.asarray(resized)


def working_size(height: int, width: int, new_width: int) -> tuple[int, int]:
    """Return (height, width) of an image that `to_width` brings to ``new_width`` pixels."""
    if height > _TALLEST * width:
        new_height = _TALLEST * new_width
        return new_height, _ceiling(width * new_height, height)
    return _ceiling(height * new_width, width), new_width


def _ceiling(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def to_frame(
    boxes: NDArray[np.int32], working_size: tuple[int, ...], image_size: tuple[int, int]
) -> NDArray[np.float32]:
    """Map boxes (N, 4) of a resized image to the image; sizes are (height, width)."""
    scale_y, scale_x = (old / new for old, new in zip(image_size, working_size, strict=True))
    scaled = boxes * np.array([scale_x, scale_y, scale_x, scale_y])
    return clip_boxes(scaled.astype(np.float32), image_size)
