"""Labelled pictures on disk: a folder for each class, named like it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn


class ImageFolderError(ValueError):
    """A folder that cannot be used as a data set; the message names it and the remedy."""


@dataclass(frozen=True)
class ImageFolder:
    """The pictures of a data set.

    Attributes
    ----------
    names : tuple of str
        Of the C classes.
    paths : tuple of Path
        Of the N pictures, at least one.
    labels : tuple of int
        The class of each picture, 0 ... C - 1.

    Raises
    ------
    ImageFolderError
        If there is no picture, or not one label of a class for each.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.paths or len(self.paths) != len(self.labels):
            raise ImageFolderError(
                f"a data set must have as many labels as pictures, 1 or more, but got"
                f" {len(self.labels)} and {len(self.paths)}"
            )
        if not 0 <= min(self.labels) <= max(self.labels) < len(self.names):
            raise ImageFolderError(
                f"labels must be 0 to {len(self.names) - 1} for {len(self.names)} names but lie"
                f" from {min(self.labels)} to {max(self.labels)}"
            )

    def __len__(self) -> int:
        return len(self.paths)


def read_image_folder(
    root: Path, suffixes: Collection[str], names: Sequence[str] | None = None
) -> ImageFolder:
    """List the pictures of a folder of class folders; no picture is opened.

    Parameters
    ----------
    root : Path
        Holds a folder a class; a class's pictures may lie in folders below it. Files and
        folders whose names begin with a point are passed over.
    suffixes : collection of str
        Endings of files that are pictures, lower case, with the point.
    names : sequence of str, optional
        The classes and their order, of which the folder may lack some; those of the folders,
        sorted, when left out.

    Raises
    ------
    ImageFolderError
        If there are fewer than two classes, a class without a picture, a class that ``names``
        lacks, or a picture outside all classes.
    OSError
        If a folder cannot be read.
    """
    if not root.is_dir():
        raise ImageFolderError(f"{root}: no such folder; give one that holds a folder a class")
    entries = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    for path in entries:
        if path.is_file() and path.suffix.lower() in suffixes:
            raise ImageFolderError(
                f"{path}: lies in no class; move it into a folder named by what it shows"
            )
    folders = [path for path in entries if path.is_dir()]
    known = tuple(path.name for path in folders) if names is None else tuple(names)
    _check_classes(root, folders, known)
    pictures = {folder.name: sorted(_pictures_below(folder, suffixes)) for folder in folders}
    for name, found in pictures.items():
        if not found:
            raise ImageFolderError(f"{root / name}: holds no pictures; add some, or remove it")
    pairs = [(path, label) for label, name in enumerate(known) for path in pictures.get(name, [])]
    return ImageFolder(known, tuple(path for path, _ in pairs), tuple(label for _, label in pairs))


def _check_classes(root: Path, folders: Sequence[Path], known: Sequence[str]) -> None:
    if not folders or len(known) < 2:
        raise ImageFolderError(
            f"{root}: holds {len(folders)} classes; give a folder that holds at least two folders,"
            " one a class"
        )
    strange = [folder.name for folder in folders if folder.name not in set(known)]
    if strange:
        raise ImageFolderError(
            f"{root / strange[0]}: no class of this name was trained ({', '.join(known[:5])}"
            f"{', ...' if len(known) > 5 else ''}); rename or remove the folder"
        )


def _pictures_below(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(parent, name)
            if not name.startswith(".") and path.suffix.lower() in suffixes:
                yield path


def _raise(error: OSError) -> NoReturn:
    raise error
