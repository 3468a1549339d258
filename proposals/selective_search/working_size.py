"""The size at which Selective Search looks at images, and the way back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from proposals.boxes import clip_boxes

_TALLEST = 4  # resized images are at most this many times as tall as wide


def to_width(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Bring an image (H, W, 3) to ``width`` pixels as MATLAB's imresize does, by bicubic.

    Pillow does it antialiased and in whole numbers, so it comes out the same everywhere. Very
    tall images are kept to a bounded number of pixels.
    """
    old_height, old_width = image.shape[:2]
    scale = min(width / old_width, _TALLEST * width / old_height)
    size = (max(1, round(old_width * scale)), max(1, round(old_height * scale)))
    if size == (old_width, old_height):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def to_frame(
    boxes: NDArray[np.int32], working_size: tuple[int, ...], image_size: tuple[int, int]
) -> NDArray[np.float32]:
    """Map boxes (N, 4) of a resized image to the image; sizes are (height, width)."""
    scale_y, scale_x = (old / new for old, new in zip(image_size, working_size, strict=True))
    scaled = boxes * np.array([scale_x, scale_y, scale_x, scale_y])
    return clip_boxes(scaled.astype(np.float32), image_size)
