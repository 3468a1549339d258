"""Pictures and proposals from what a command line names; not a tool itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from proposals import ProposalFile


def open_proposals(path: Path | None) -> AbstractContextManager[ProposalFile | None]:
    """Open the file of a flag ``--proposals``, or nothing where it is not given."""
    from proposals import ProposalFile

    return nullcontext() if path is None else ProposalFile(path)


def list_pictures(inputs: Sequence[str], lists: Sequence[Path]) -> list[str]:
    """Return the paths of pictures, with slashes, each once, in the order they are named.

    Parameters
    ----------
    inputs : sequence of str
        Pictures, folders with all that lies below, glob patterns, and lists as ``@FILE``. Of
        folders and patterns those files are taken whose names end like a picture's, sorted.
    lists : sequence of Path
        Text files of one path a line, relative to the folder of the list.

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
            paths += _named(word)
    for path in lists:
        paths += _in_list(path)
    return list(dict.fromkeys(path.as_posix() for path in paths))


def _named(word: str) -> Iterable[Path]:
    path = Path(word)
    if path.is_dir():
        return _pictures(_below(path)) or _refuse(word, "holds no pictures; name another folder")
    if has_magic(word) and not path.is_file():
        found = map(Path, glob(word, recursive=True))  # noqa: PTH207 - Path's refuses "/a/*"
        return _pictures(found) or _refuse(word, "matches no pictures; check the pattern")
    return [path]  # whether it can be read shows when it is read


def _below(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder, onerror=_raise):
        yield from (Path(parent, name) for name in names)


def _raise(error: OSError) -> NoReturn:
    raise error


def _refuse(word: str, reason: str) -> NoReturn:
    raise ValueError(f"{word}: {reason}")


def _pictures(paths: Iterable[Path]) -> list[Path]:
    from proposals.images import IMAGE_SUFFIXES

    return sorted(p for p in paths if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())


def _in_list(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        _refuse(str(path), "a list must be a text file in UTF-8, one path a line")
    paths = [path.parent / line.strip() for line in lines if line.strip()]
    return paths or _refuse(str(path), "the list names no picture")
