"""Opening a data set by the name of its format."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from detector.datasets.annotation import DatasetError
from detector.datasets.coco.tree import Coco
from detector.datasets.dataset import Dataset
from detector.datasets.ilsvrc import IlsvrcDet
from detector.datasets.problems import Report, refuse
from detector.datasets.voc import PascalVoc

DatasetFormat = Literal["ilsvrc", "voc", "coco"]

DATASET_FORMATS: Final[tuple[DatasetFormat, ...]] = ("ilsvrc", "voc", "coco")


def open_dataset(
    root: Path | str, split: str, dataset_format: DatasetFormat, report: Report = refuse
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

    Raises
    ------
    DatasetError
        If the tree lacks something or a list is damaged.
    """
    match dataset_format:
        case "ilsvrc":
            return IlsvrcDet(root, split, report)
        case "voc":
            return PascalVoc(root, split, report)
        case "coco":
            return Coco(root, split, report)
    raise DatasetError(f"format '{dataset_format}' is none of {', '.join(DATASET_FORMATS)}")
