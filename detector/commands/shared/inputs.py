"""Pictures and proposals from what a command line names."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from proposals import ProposalFile

DRAWN_SUFFIX: Final = ".detections.jpg"
"""How the names of pictures end that detect drew boxes in."""


def add_picture_inputs(parser: argparse.ArgumentParser, others: str = "") -> None:
    """Add the words that `list_pictures` reads, ``inputs``; there may be none.

    ``others`` says what a command takes beside pictures.
    """
    parser.add_argument(
        "inputs", nargs="*", metavar="PICTURE",
        help="picture; folder, of which all pictures are taken, those of folders in it, too;"
        " pattern such as 'shots/**/*.png'; or @FILE, a list of one path a line, relative to the"
        f" list's folder{others}. Files named *{DRAWN_SUFFIX} in folders and patterns are left out",
    )  # fmt: skip


def open_proposals(path: Path | None) -> AbstractContextManager[ProposalFile | None]:
    """Open the file or folder of a flag ``--proposals``, or nothing where it is not given."""
    from proposals import ProposalFile

    return nullcontext() if path is None else ProposalFile(path)


def list_pictures(inputs: Sequence[str], *, outside: Path | None = None) -> list[str]:
    """Return the paths of pictures, with slashes, each once, in the order they are named.

    Parameters
    ----------
    inputs : sequence of str
        Pictures, folders with all that lies below, glob patterns, and lists as ``@FILE``. Of
        folders and patterns those files are taken whose names end like a picture's, sorted,
        but for those that end in `DRAWN_SUFFIX`.
    outside : Path, optional
        A folder whose files are not taken from folders and patterns either, as they are written
        by the command itself.

    Raises
    ------
    ValueError
        If a folder, a pattern or a list gives no picture, or a list is no text.
    """
    paths: list[Path] = []
    for word in inputs:
        if word.startswith("@"):
            paths += _in_list(Path(word[1:]))
        else:
            paths += _named(word, outside)
    return list(dict.fromkeys(path.as_posix() for path in paths))


def _named(word: str, outside: Path | None) -> Iterable[Path]:
    path = Path(word)
    if path.is_dir():
        return _pictures(_below(path), outside) or _refuse(
            word, "holds no pictures; name another folder"
        )
    if has_magic(word) and not path.is_file():
        paths = map(Path, glob(word, recursive=True))  # noqa: PTH207 - Path's refuses "/a/*"
        return _pictures(paths, outside) or _refuse(word, "matches no pictures; check the pattern")
    return [path]  # whether it can be read shows when it is read


def _below(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder, onerror=_raise):
        yield from (Path(parent, name) for name in names)


def _raise(error: OSError) -> NoReturn:
    raise error


def _refuse(word: str, reason: str) -> NoReturn:
    raise ValueError(f"{word}: {reason}")


def _pictures(paths: Iterable[Path], outside: Path | None) -> list[Path]:
    from proposals.images import IMAGE_SUFFIXES

    folder = None if outside is None else outside.resolve()
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.endswith(DRAWN_SUFFIX)
        and path.is_file()
        and not (folder and path.resolve().is_relative_to(folder))
    )


def _in_list(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        _refuse(str(path), "a list must be a text file in UTF-8, one path a line")
    paths = [path.parent / line.strip() for line in lines if line.strip()]
    return paths or _refuse(str(path), "the list names no picture")
