"""Which image a line of a file speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proposals.images import IMAGE_SUFFIXES

_DIGITS_AT_END: Final = re.compile(r"[0-9]+$")


class ScoringFileError(ValueError):
    """A file of predictions or a blacklist that cannot be used; says which line, why, remedy."""


class ImageIndex:
    """The images that are scored, found by the number that their list gives them or by name.

    The name may have the suffix of its picture. So has COCO's file name, which also leads to an
    image whose own name has more before that number: ``000000005001.jpg`` is image 5001 where
    that is called ``COCO_val2014_000000005001``.

    Parameters
    ----------
    image_ids : sequence of str
        Names of the images, by image index.
    image_numbers : sequence of int
        The list's number of each, likewise.

    Raises
    ------
    ValueError
        If their lengths differ, or two images share a name or a number.
    """

    def __init__(self, image_ids: Sequence[str], image_numbers: Sequence[int]) -> None:
        by_name = {name: index for index, name in enumerate(image_ids)}
        by_number = {str(number): index for index, number in enumerate(image_numbers)}
        if not len(image_ids) == len(image_numbers) == len(by_name) == len(by_number):
            raise ValueError("image_ids and image_numbers must be of one length, each value once")
        self.image_numbers = tuple(image_numbers)
        self._image_ids = tuple(image_ids)
        self._index_by_name = by_name
        self._index_by_number = by_number
        # A name such as "7" may be another image's number: then nobody knows which is meant.
        self._ambiguous = {
            key for key in by_number.keys() & by_name.keys() if by_number[key] != by_name[key]
        }
        self._index_by_key = {
            key: index for key, index in (by_number | by_name).items() if key not in self._ambiguous
        }

    def __len__(self) -> int:
        return len(self.image_numbers)

    def index_of(self, key: str) -> int:
        """Return the image index of a key, a number of the list, a name or a picture's name.

        Raises
        ------
        ValueError
            If it is neither, or is the number of one image and the name of another.
        """
        index = self._index_by_key.get(key)
        if index is not None:
            return index
        if key in self._ambiguous:
            raise ValueError(
                f"image_id '{key}' is the number of one image and the name of another: rename"
                " the images"
            )
        index = self._index_of_picture(key)
        if index is None:
            raise ValueError(
                f"image_id '{key}' is neither a number nor a name in the list of images: predict"
                " for the split that is scored"
            )
        self._index_by_key[key] = index  # thousands of detections may have the same
        return index

    def _index_of_picture(self, key: str) -> int | None:
        path = PurePosixPath(key)
        name = key[: -len(path.suffix)] if path.suffix.lower() in IMAGE_SUFFIXES else key
        if name in self._index_by_name:
            return self._index_by_name[name]
        # The number of a line says nothing of the names in it: both must show the same.
        number = name.lstrip("0") or "0"
        index = self._index_by_number.get(number) if name.isdecimal() else None
        digits = _DIGITS_AT_END.search("" if index is None else self._image_ids[index])
        return index if digits and (digits[0].lstrip("0") or "0") == number else None

    def index_of_file(self, path: str) -> int:
        """Return the image index of a picture's path, whose folders may be any.

        Names of images may hold folders: the longest end of the path that is one is taken.

        Raises
        ------
        ValueError
            If no image is called so.
        """
        parts = PurePosixPath(path.replace("\\", "/")).parts
        for start in range(len(parts)):
            index = self._index_of_picture("/".join(parts[start:]))
            if index is not None:
                return index
        raise ValueError(
            f"'{path}' is the picture of no image in the list: detect on the split that is scored"
        )

    def indices_of(self, keys: Iterable[str]) -> NDArray[np.int64]:
        """Return the image index of each key (K,); errors are those of `index_of`."""
        return np.array([self.index_of(key) for key in keys], dtype=np.int64)
