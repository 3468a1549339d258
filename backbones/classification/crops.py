"""The crops of a picture that classification averages over: 1, 10 or 144.

144 are the paper's (GoogLeNet, section 7): at each of four scales three squares, left, centre and
right, or top, centre and bottom; of each square the four corners and the centre of 224 pixels, and
the square itself made 224; and all of these mirrored. 10 are the corners and the centre of the
centre square at the first scale, and their mirrors (Krizhevsky et al. 2012). 1 is the centre.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backbones.preprocess import CROP_SIDE, SHORT_SIDE, centre_crop

CROP_COUNTS = (1, 10, 144)
_SCALES = (256, 288, 320, 352)  # pixels of the short side
_PLACES = (0.0, 0.5, 1.0)  # of a square along the long side
_CENTRE = 0.5

Pixels = NDArray[np.uint8]


def crop_picture(image_uint8: Pixels, count: int) -> Pixels:
    """Cut a picture into crops.

    Parameters
    ----------
    image_uint8 : ndarray
        (H, W, 3) uint8 RGB of any size above 0.
    count : {1, 10, 144}

    Returns
    -------
    ndarray
        (count, 224, 224, 3) uint8 RGB, resized bilinearly with antialiasing. The first half of
        10 or 144 is mirrored in the second.

    Raises
    ------
    ValueError
        If the picture or the count is none of these.
    """
    if count not in CROP_COUNTS:
        raise ValueError(f"count must be one of {CROP_COUNTS} but got {count}")
    centre = centre_crop(image_uint8)  # checks the picture
    if count == 1:
        return centre[np.newaxis]
    picture = Image.fromarray(image_uint8)
    if count == 10:
        crops = list(_corners_and_centre(_square(picture, _CENTRE, SHORT_SIDE)))
    else:
        crops = [crop for scale in _SCALES for crop in _crops_at_scale(picture, scale)]
    plain = np.stack(crops)
    return np.concatenate([plain, plain[:, :, ::-1]])


def _crops_at_scale(picture: Image.Image, scale: int) -> Iterator[Pixels]:
    for place in _PLACES:
        yield from _corners_and_centre(_square(picture, place, scale))
        yield _square(picture, place, CROP_SIDE)


def _square(picture: Image.Image, place: float, side: int) -> Pixels:
    """Return the square at a place along the long side, resized to ``side`` pixels."""
    width, height = picture.size
    short = min(width, height)
    left, top = (width - short) * place, (height - short) * place
    # Cutting while resizing spares the part of a long picture that the square leaves out.
    square = picture.resize(
        (side, side), Image.Resampling.BILINEAR, box=(left, top, left + short, top + short)
    )
    return np.array(square)


def _corners_and_centre(square: Pixels) -> Iterator[Pixels]:
    room = len(square) - CROP_SIDE
    for top, left in ((0, 0), (0, room), (room, 0), (room, room), (room // 2, room // 2)):
        yield square[top : top + CROP_SIDE, left : left + CROP_SIDE]
