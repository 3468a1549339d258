"""The flags by which tools name a labelled data set; not a tool itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.datasets import Dataset


def add_dataset_flags(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--root`` and ``--format``; `open_split` reads them, and the tool's own ``--split``."""
    from detector.datasets import DATASET_FORMATS

    add = parser.add_argument
    # fmt: off
    add("--root", type=Path, required=required, metavar="DIR", help="folder of the data set")
    add("--format", choices=DATASET_FORMATS, default="ilsvrc",
        help="layout of that folder: ilsvrc holds ImageSets/DET, Annotations and Data, voc holds"
        " ImageSets/Main, Annotations and JPEGImages, coco holds annotations and folders of"
        " pictures (default: %(default)s)")
    # fmt: on


def open_split(options: argparse.Namespace) -> Dataset:
    """Return the split of a data set that a command line names.

    Raises
    ------
    DatasetError
        If the tree lacks something or its list is damaged.
    """
    from detector.datasets import open_dataset

    return open_dataset(options.root, options.split, options.format)
