"""What the head of a picture's file says of it, without the work of decoding its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from proposals.images import ImageError, opened_picture, read_image

_ORIENTATION: Final = 0x0112  # EXIF's tag
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})


class PictureHeader(NamedTuple):
    """How large a picture is, and how its file has it turned."""

    size: tuple[int, int]  # height and width in pixels, upright, as `read_image` returns it
    orientation: int  # EXIF's: 1 upright, 3 upside down, 6 and 8 on its side; others mirrored

    @property
    def stored_size(self) -> tuple[int, int]:
        """Height and width of the pixels as the file has them, before they are turned."""
        height, width = self.size
        return (width, height) if self.orientation in _ON_ITS_SIDE else (height, width)


def read_header(path: Path) -> PictureHeader:
    """Read the head of a picture's file.

    Raises
    ------
    ImageError
        As `proposals.images.read_image`, unless the damage lies further behind.
    """
    try:
        with opened_picture(path) as picture:
            width, height = picture.size
            orientation = picture.getexif().get(_ORIENTATION, 1)
    except ImageError:
        # It says what is wrong; or it can do with what there is, and then that is the size.
        height, width = read_image(path).shape[:2]
        orientation = 1
    size = (width, height) if orientation in _ON_ITS_SIDE else (height, width)
    return PictureHeader(size, int(orientation) if orientation in range(1, 9) else 1)
