"""Which layout a data set's folder has, by what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from detector.datasets.annotation import DatasetError
from detector.datasets.dataset import DatasetFormat

_MARKS: Final[Mapping[DatasetFormat, str]] = MappingProxyType(
    {"ilsvrc": "ImageSets/DET", "voc": "ImageSets/Main", "coco": "annotations/*.json"}
)
"""What a folder of each layout holds and folders of the others do not."""


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
