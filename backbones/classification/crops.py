"""The crops of a picture that classification averages over: 1, 10 or 144.

1 is the centre of the picture's square of 256 pixels, and 10 are that square's four corners and
centre, and their mirrors (Krizhevsky et al. 2012). `CropGeometry` says what the square shows.

144 are the paper's (GoogLeNet, section 7), for every network: at each of four scales three
squares, left, centre and right, or top, centre and bottom; of each square the four corners and the
centre of 224 pixels, and the square itself made 224; and all of these mirrored. A square itself
made 224 is the same at all four scales, so 126 of them differ, of which 6 count four times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backbones.preprocess import CROP_SIDE

CROP_COUNTS = (1, 10, 144)
_SIDE = 256  # pixels of the square of 1 and 10 crops
_SCALES = (256, 288, 320, 352)  # pixels of the short side, for 144
_PLACES = (0.0, 0.5, 1.0)  # of a square along the long side
_CENTRE = 0.5
_SHRINKING = 2  # of ImageNet's pictures, which have some 500 pixels, when they are made 256 x 256

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]  # left, top, right, bottom in a picture's pixels


class CropGeometry(Enum):
    """How pictures become squares: as those did that a network learned from.

    The square of 256 pixels is that of 1 and 10 crops. The squares of 144 are the paper's with
    either, resized as the others.
    """

    WARPED = "warped"
    """The square of 256 is the whole picture, whatever its aspect. Bilinear, not antialiased."""

    SHORT_SIDE = "short side"
    """It is the middle of the picture with its short side at 256. Bilinear, antialiased."""


@dataclass(frozen=True, eq=False)
class PictureCrops:
    """Crops of one picture.

    Attributes
    ----------
    pixels : ndarray
        (K, 224, 224, 3) uint8 RGB. Where there are more than one, the second half mirrors the
        first.
    repeats : ndarray
        (K,) int64, how often the mean counts each; their sum is the count that was asked for.
    """

    pixels: Pixels
    repeats: NDArray[np.int64]


def crop_picture(image_uint8: Pixels, count: int, geometry: CropGeometry) -> PictureCrops:
    """Cut a picture into crops.

    Parameters
    ----------
    image_uint8 : ndarray
        (H, W, 3) uint8 RGB of any size above 0.
    count : {1, 10, 144}
    geometry : CropGeometry

    Returns
    -------
    PictureCrops
        1, 10 or, for 144, 126 crops.

    Raises
    ------
    ValueError
        If the picture or the count is none of these.
    """
    image = np.asarray(image_uint8)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(
            f"image must be uint8 of shape (H, W, 3) with H, W above 0 but got {image.dtype}"
            f" of shape {image.shape}"
        )
    if count not in CROP_COUNTS:
        raise ValueError(f"count must be one of {CROP_COUNTS} but got {count}")
    picture = Image.fromarray(image)
    if count == 144:
        return _papers_crops(picture, geometry)
    if geometry is CropGeometry.WARPED:
        square = _resized(picture, (0, 0, *picture.size), _SIDE, geometry)
    else:
        square = _square(picture, _CENTRE, _SIDE, geometry)
    crops = list(_corners_and_centre(square))
    return PictureCrops(crops[-1][np.newaxis], _ones(1)) if count == 1 else _mirrored(crops)


def _papers_crops(picture: Image.Image, geometry: CropGeometry) -> PictureCrops:
    cut = [
        crop
        for scale in _SCALES
        for place in _PLACES
        for crop in _corners_and_centre(_square(picture, place, scale, geometry))
    ]
    squares = [_square(picture, place, CROP_SIDE, geometry) for place in _PLACES]
    found = _mirrored(cut + squares)
    found.repeats.reshape(2, -1)[:, len(cut) :] = len(_SCALES)
    return found


def _mirrored(crops: list[Pixels]) -> PictureCrops:
    plain = np.stack(crops)
    return PictureCrops(np.concatenate([plain, plain[:, :, ::-1]]), _ones(2 * len(crops)))


def _ones(count: int) -> NDArray[np.int64]:
    return np.ones(count, np.int64)


def _corners_and_centre(square: Pixels) -> Iterator[Pixels]:
    room = len(square) - CROP_SIDE
    for top, left in ((0, 0), (0, room), (room, 0), (room, room), (room // 2, room // 2)):
        yield square[top : top + CROP_SIDE, left : left + CROP_SIDE]


def _square(picture: Image.Image, place: float, side: int, geometry: CropGeometry) -> Pixels:
    """Return the square at a place along the long side, with the short side at ``side`` pixels.

    It is cut out of the whole picture so resized, in whole pixels, as torchvision's `Resize` and
    `CenterCrop` do; but only that part of the picture is resized, as some pictures are very long.
    """
    width, height = picture.size
    short = min(width, height)
    new_width, new_height = side * width // short, side * height // short
    left, top = round((new_width - side) * place), round((new_height - side) * place)
    box = (
        left * width / new_width,
        top * height / new_height,
        # Rounding must not lead out of the picture, which Pillow refuses.
        min((left + side) * width / new_width, width),
        min((top + side) * height / new_height, height),
    )
    return _resized(picture, box, side, geometry)


def _resized(picture: Image.Image, box: Box, side: int, geometry: CropGeometry) -> Pixels:
    """Return what a box shows, made ``side`` by ``side`` pixels."""
    size, bilinear = (side, side), Image.Resampling.BILINEAR
    if geometry is CropGeometry.SHORT_SIDE:
        return np.array(picture.resize(size, bilinear, box=box))
    # As Caffe's tools do with OpenCV. Of a huge photograph that would leave out nearly all pixels,
    # so it is first reduced to about the size of the pictures that the network learned from.
    left, top, right, bottom = box
    across = max(1, int((right - left) / side / _SHRINKING))
    down = max(1, int((bottom - top) / side / _SHRINKING))
    reduced = picture.reduce((across, down))
    box = (left / across, top / down, right / across, bottom / down)
    return np.array(reduced.transform(size, Image.Transform.EXTENT, box, bilinear))
