"""What every data set offers, whichever tree it is read from."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self, overload

from detector.classes import ObjectClass
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.folds import fold_of
from detector.datasets.image_list import ClassList
from detector.datasets.problems import Problem, Report, refuse


class Dataset(Sequence[ImageAnnotation], ABC):
    """A split of images, in the order of its list; each annotation read when asked.

    Attributes
    ----------
    root : Path
    split : str
    source : Path
        The file that lists the images.
    image_ids : tuple of str
        Names of the images; may hold folders.
    image_numbers : tuple of int
        The number of each image in prediction files.
    classes : tuple of ObjectClass
        All classes that the data set distinguishes, whether or not this split holds them.
    labelled : bool
        Whether there are annotations. Without, ``image_ids`` and `image_path` still serve.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        source: Path,
        numbers: Mapping[str, int],
        classes: tuple[ObjectClass, ...],
        *,
        labelled: bool,
    ) -> None:
        self.root = root
        self.split = split
        self.source = source
        self.image_ids = tuple(numbers)
        self.image_numbers = tuple(numbers.values())
        self.classes = classes
        self.labelled = labelled
        self._number_by_id = dict(numbers)

    def __len__(self) -> int:
        return len(self.image_ids)

    @overload
    def __getitem__(self, index: int) -> ImageAnnotation: ...
    @overload
    def __getitem__(self, index: slice) -> list[ImageAnnotation]: ...
    def __getitem__(self, index: int | slice) -> ImageAnnotation | list[ImageAnnotation]:
        if isinstance(index, slice):
            return [self.read(image_id) for image_id in self.image_ids[index]]
        return self.read(self.image_ids[index])

    def of_folds(self, folds: Collection[int]) -> Self:
        """Return the data set with the images of some `detector.datasets.folds` only.

        Raises
        ------
        DatasetError
            If none of its images is in them.
        """
        kept = {i: n for i, n in self._number_by_id.items() if fold_of(i) in folds}
        if not kept:
            raise DatasetError(f"{self.source}: no image is in these folds: {sorted(folds)}")
        part = copy.copy(self)
        part.image_ids, part.image_numbers = tuple(kept), tuple(kept.values())
        part._number_by_id = kept
        return part

    def read(self, image_id: str) -> ImageAnnotation:
        """Read the annotation of the image of that name.

        Raises
        ------
        DatasetError
            If the split has no such image, or its annotation is missing or damaged.
        """
        annotation = self.examine(image_id, refuse)
        if annotation is None:  # cannot be: nothing is left out without a report
            raise DatasetError(f"{self.source}: '{image_id}' has no annotation")
        return annotation

    def number_of(self, image_id: str) -> int:
        """Return the number that prediction files give to the image of that name."""
        if image_id not in self._number_by_id:
            raise DatasetError(f"{self.source}: names no image '{image_id}'")
        return self._number_by_id[image_id]

    def examine(self, image_id: str, report: Report) -> ImageAnnotation | None:
        """Read an annotation as far as it can be read, and report each problem of it.

        Parameters
        ----------
        image_id : str
        report : callable
            Is told of each problem; objects that have one are left out.

        Returns
        -------
        ImageAnnotation or None
            None if nothing of it can be used.
        """
        self.number_of(image_id)
        if not self.labelled:
            where = self.annotation_path(image_id)
            report(
                Problem(
                    where,
                    f"the split '{self.split}' has pictures only: detect on it, or fetch its"
                    " annotations",
                )
            )
            return None
        return self._examine(image_id, report)

    def class_lists(self) -> Iterator[tuple[ObjectClass, ClassList]]:
        """Yield the lists of images of single classes, where the data set has such lists."""
        return iter(())

    @abstractmethod
    def image_path(self, image_id: str) -> Path:
        """Return where the picture of that name lies. Nobody has looked whether it is there."""

    @abstractmethod
    def annotation_path(self, image_id: str) -> Path:
        """Return the file that holds, or would hold, the annotation of that name."""

    @abstractmethod
    def unlisted_files(self) -> list[Path]:
        """Return files of the tree that belong to no image of any list, sorted."""

    @abstractmethod
    def _examine(self, image_id: str, report: Report) -> ImageAnnotation | None:
        """Do what `examine` says; the image is known, and the split is labelled."""
