"""What every writer of a data set offers, whichever tree it makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.conversion.placing import SourcePicture, place_jpeg, place_link

Mark = Literal["difficult", "crowd", "areas"]
"""What an annotation may say of an object beside its box and class."""

Change = Literal["encoded", "renamed", "renumbered", "reclassed", "widened"]
"""What a layout may make necessary: to encode a picture that is no JPEG, to write the name of an
image as one word, to give images or classes other numbers, to widen a box thinner than a pixel."""


def shortest_decimal(value: np.float32) -> Decimal:
    """Return the shortest decimal number that is read as the same float32 again."""
    return Decimal(str(value))


class DatasetWriter(ABC):
    """Writes one split of a tree. It is complete when `list_path` is there, and not before.

    Parameters
    ----------
    list_path : Path
    keys : iterable of str
    copy : bool
        Copy pictures instead of giving them a second name.

    Attributes
    ----------
    list_path : Path
        The file that `finish` writes.
    marks : frozenset of Mark
        Those that the layout has a place for.
    keys : frozenset of str
        `ObjectClass.key` of the classes whose objects can be written.
    changes : Counter of Change
        How many pictures, images and boxes were changed so.

    Raises
    ------
    DatasetError
        If the split is there already.
    """

    marks: ClassVar[frozenset[Mark]]

    def __init__(self, list_path: Path, keys: Iterable[str], *, copy: bool) -> None:
        if list_path.exists():
            raise DatasetError(
                f"{list_path}: the split is there already: choose another folder, or remove this"
                " file to write the split again"
            )
        self.list_path = list_path
        self.keys = frozenset(keys)
        self.changes: Counter[Change] = Counter()
        self._copy = copy

    @abstractmethod
    def add(self, annotation: ImageAnnotation, number: int, picture: SourcePicture) -> None:
        """Write an image with its objects.

        Parameters
        ----------
        annotation : ImageAnnotation
            Of classes in `keys` only.
        number : int
            Of the image in prediction files.
        picture : SourcePicture

        Raises
        ------
        DatasetError
            If a file of the name holds something else, or another image came to be called so.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write the list of all images that were added."""

    def _link(self, picture: SourcePicture, target: Path) -> None:
        place_link(picture.path, target, copy=self._copy)

    def _place_as_jpeg(self, picture: SourcePicture, target: Path) -> None:
        if picture.pixels is None:
            self._link(picture, target)
        else:
            place_jpeg(picture.pixels, target)
            self.changes["encoded"] += 1
