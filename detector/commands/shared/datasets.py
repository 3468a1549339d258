"""The flags by which commands name a labelled data set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.values import folds, one_of

if TYPE_CHECKING:
    from detector.datasets import Dataset, DatasetFormat
    from detector.datasets.problems import Report


def add_dataset_flags(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--root`` and ``--format``; `open_whole_split` reads them, and ``--split``."""
    parser.add_argument(
        "--root", type=Path, required=required, metavar="DIR", help="folder of the data set"
    )
    add_format_flag(parser, "--format")


def add_format_flag(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add ``--format``, under one or more names."""
    parser.add_argument(
        *names,
        type=one_of(dataset_formats),
        metavar="NAME",
        help="layout of that folder: ilsvrc holds ImageSets/DET, Annotations and Data, voc holds"
        " ImageSets/Main, Annotations and JPEGImages, coco holds annotations and folders of"
        " pictures (default: by what the folder holds)",
    )


def add_folds_flag(parser: argparse.ArgumentParser, what: str = "look at") -> None:
    """Add ``--folds``, which `open_split` reads."""
    parser.add_argument(
        "--folds",
        type=folds,
        metavar="FOLDS",
        help=f"{what} only the images of some of ten folds, which their ids alone decide: 0, or"
        " 1-9, or 0,5-7 (default: all)",
    )


def dataset_formats() -> Sequence[str]:
    """Return the names that ``--format`` takes."""
    from detector.datasets import DATASET_FORMATS

    return DATASET_FORMATS


def chosen_format(options: argparse.Namespace) -> DatasetFormat:
    """Return the format that a command line gives, or that of the tree.

    Raises
    ------
    DatasetError
        If the folder shows no format, or several.
    """
    from detector.datasets import detect_format

    given: DatasetFormat | None = options.format
    return detect_format(options.root) if given is None else given


def open_whole_split(
    options: argparse.Namespace, report: Report | None = None, *, pictures: bool = True
) -> Dataset:
    """Return the split of a data set that a command line names.

    ``report`` is told of problems in lists and in COCO's file; the first is raised when None.
    ``pictures`` says whether their folder must be there.

    Raises
    ------
    DatasetError
        If the tree lacks something or its list is damaged.
    """
    from detector.datasets import open_dataset
    from detector.datasets.problems import refuse

    return open_dataset(
        options.root, options.split, chosen_format(options), report or refuse, pictures=pictures
    )


def open_split(options: argparse.Namespace) -> Dataset:
    """Return the split of a data set that a command line names, or the folds of it.

    Raises
    ------
    DatasetError
        As `open_whole_split`, and if no image is in the folds.
    """
    dataset, chosen = open_whole_split(options), options.folds
    return dataset if chosen is None else dataset.of_folds(chosen)
