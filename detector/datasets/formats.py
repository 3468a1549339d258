"""The formats of data sets: which one a folder has, and opening it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from detector.datasets.annotation import DatasetError
from detector.datasets.coco.tree import Coco
from detector.datasets.dataset import Dataset
from detector.datasets.ilsvrc import IlsvrcDet
from detector.datasets.problems import Report, refuse
from detector.datasets.voc import PascalVoc

DatasetFormat = Literal["ilsvrc", "voc", "coco"]

DATASET_FORMATS: Final[tuple[DatasetFormat, ...]] = ("ilsvrc", "voc", "coco")

_MARKS: Final[Mapping[DatasetFormat, str]] = MappingProxyType(
    {"ilsvrc": "ImageSets/DET", "voc": "ImageSets/Main", "coco": "annotations/*.json"}
)
"""What a folder of each layout holds and folders of the others do not."""


def open_dataset(
    root: Path | str,
    split: str,
    dataset_format: DatasetFormat,
    report: Report = refuse,
    *,
    pictures: bool = True,
) -> Dataset:
    """Open one split of a tree of a format.

    Parameters
    ----------
    root : Path or str
        The folder that the format begins at; see `IlsvrcDet`, `PascalVoc` and `Coco`.
    split : str
    dataset_format : {"ilsvrc", "voc", "coco"}
    report : callable
        Is told of problems in lists and in COCO's file; raises the first when left out.
    pictures : bool
        Whether the folder of the pictures must be there. Annotations are read without.

    Raises
    ------
    DatasetError
        If the tree lacks something or a list is damaged.
    """
    match dataset_format:
        case "ilsvrc":
            return IlsvrcDet(root, split, report, pictures=pictures)
        case "voc":
            return PascalVoc(root, split, report, pictures=pictures)
        case "coco":
            return Coco(root, split, report, pictures=pictures)
    raise DatasetError(f"format '{dataset_format}' is none of {', '.join(DATASET_FORMATS)}")


def detect_format(root: Path | str) -> DatasetFormat:
    """Return the format whose layout a folder has.

    Raises
    ------
    DatasetError
        If there is no such folder, or it looks like none of the formats, or like several.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; give the folder of a data set")
    found = [name for name, mark in _MARKS.items() if any(root.glob(mark))]
    if not found:
        marks = ", ".join(f"{mark} ({name})" for name, mark in _MARKS.items())
        raise DatasetError(
            f"{root}: holds none of {marks}: give the folder that holds one of them as the root"
        )
    if len(found) > 1:
        marks = " and ".join(f"{_MARKS[name]} ({name})" for name in found)
        raise DatasetError(f"{root}: holds {marks}: say by the format which of them is meant")
    return found[0]
