"""What every data set offers, whichever tree it is read from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol, overload

from detector.classes import ObjectClass
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.ilsvrc import IlsvrcDet

DatasetFormat = Literal["ilsvrc", "voc", "coco"]


class Dataset(Protocol):
    """A split of labelled images, in the order of its list; each annotation read when asked.

    Attributes
    ----------
    image_ids : tuple of str
        Names of the images; may hold folders.
    image_numbers : tuple of int
        The number of each image in prediction files.
    classes : tuple of ObjectClass
        All classes that the data set distinguishes, whether or not this split holds them.
    """

    image_ids: tuple[str, ...]
    image_numbers: tuple[int, ...]
    classes: tuple[ObjectClass, ...]

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[ImageAnnotation]: ...
    @overload
    def __getitem__(self, index: int) -> ImageAnnotation: ...
    @overload
    def __getitem__(self, index: slice) -> list[ImageAnnotation]: ...
    def read(self, image_id: str) -> ImageAnnotation:
        """Read the annotation of the image of that name."""
        ...


def open_dataset(root: Path | str, split: str, dataset_format: DatasetFormat) -> Dataset:
    """Open one split of a tree of a format.

    Raises
    ------
    DatasetError
        If the tree lacks something or a list is damaged.
    """
    if dataset_format != "ilsvrc":
        raise DatasetError(f"{root}: format {dataset_format} cannot be read")
    return IlsvrcDet(root, split)
