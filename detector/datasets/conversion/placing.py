"""Files of a new data set: pictures, linked where that is possible, and texts.

Each is written whole, and none over a file that holds something else.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.datasets.annotation import DatasetError
from detector.datasets.reading.pictures import read_header
from foundation.files import whole_file
from proposals.images import is_whole_jpeg, read_image

JPEG_QUALITY: Final = 95
"""Of pictures that have to be encoded anew."""


class SourcePicture(NamedTuple):
    """A picture that was seen to be whole.

    Attributes
    ----------
    path : Path
    size : (int, int)
        Height and width in pixels, upright.
    pixels : (H, W, 3) uint8 array, optional
        RGB of a picture that is no JPEG; None for a JPEG, whose file serves as it is.
    """

    path: Path
    size: tuple[int, int]
    pixels: NDArray[np.uint8] | None


def open_picture(path: Path) -> SourcePicture:
    """Go through a picture from its first byte to its last.

    Raises
    ------
    ImageError
        As `proposals.read_image`.
    """
    if is_whole_jpeg(path):
        return SourcePicture(path, read_header(path).size, None)
    pixels = read_image(path)
    return SourcePicture(path, (pixels.shape[0], pixels.shape[1]), pixels)


def place_link(source: Path, target: Path, *, copy: bool) -> None:
    """Give a file a second name, or copy it where that cannot be done or ``copy`` asks for it.

    Raises
    ------
    DatasetError
        If another file has the name already.
    """
    with _new_file(target) as temporary:
        if copy or not _linked(source, temporary):
            shutil.copyfile(source, temporary)


def place_jpeg(pixels: NDArray[np.uint8], target: Path) -> None:
    """Encode an (H, W, 3) RGB picture as a JPEG; errors are those of `place_link`."""
    with _new_file(target) as temporary:
        Image.fromarray(pixels).save(temporary, format="JPEG", quality=JPEG_QUALITY)


def place_text(text: str, target: Path) -> None:
    """Write a UTF-8 text file; errors are those of `place_link`."""
    with _new_file(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source.resolve(), target)  # a link to a symbolic link would lead elsewhere
    except OSError:  # another file system, or one that has no such links
        return False
    return True


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """Give a name to write to that becomes ``target``, unless that holds something else."""
    with whole_file(target) as temporary:
        yield temporary
        if target.exists() and not filecmp.cmp(temporary, target, shallow=False):
            raise DatasetError(
                f"{target}: is there already and holds something else: choose another folder, or"
                " remove the file"
            )
