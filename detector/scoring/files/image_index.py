"""Which image a line of a file speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


class ScoringFileError(ValueError):
    """A file of predictions or a blacklist that cannot be used; says which line, why, remedy."""


class ImageIndex:
    """The images that are scored, found by the number that their list gives them or by name.

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
        """Return the image index of a key, a number of the list or a name.

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
        raise ValueError(
            f"image_id '{key}' is neither a number nor a name in the list of images: predict"
            " for the split that is scored"
        )

    def indices_of(self, keys: Iterable[str]) -> NDArray[np.int64]:
        """Return the image index of each key (K,); errors are those of `index_of`."""
        return np.array([self.index_of(key) for key in keys], dtype=np.int64)
