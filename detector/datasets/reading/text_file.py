"""Text files and names from strangers, read with care."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

from detector.datasets.problems import Problem, refuse
from detector.datasets.reading.packed import open_unpacked

_FOREIGN: Final = re.compile(r"[\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_NAMES: Final = frozenset({"", ".", ".."})
_LONG: Final = 240  # bytes; with a suffix, file systems take 255
_LONG_LINE: Final = 1000  # characters; a detection with the longest name and numbers has some 600


def read_text(path: Path, max_bytes: int) -> str:
    """Read a file of UTF-8, with or without a byte order mark, that has a likely size.

    One that gzip packed is unpacked.

    Raises
    ------
    DatasetError
        If it is no file, cannot be read, is or unpacks to more than ``max_bytes``, or is not
        UTF-8.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            refuse(Problem(path, "cannot be read (no regular file): put a file there"))
        with open_unpacked(path, max_bytes) as file:
            if path.stat().st_size > max_bytes:
                refuse(Problem(path, f"larger than {max_bytes} bytes: no such file should be"))
            content = file.read()
    except OSError as error:
        refuse(Problem(path, f"cannot be read ({error.strerror}): see to the file"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"not UTF-8 at byte {error.start}"
        refuse(Problem(path, f"cannot be read: {where}: save it as UTF-8, or fetch it again"))


def filled_lines(path: Path, file: TextIO) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file that are not blank, each with its number, from 1.

    Raises
    ------
    DatasetError
        At a line of more than 1,000 characters, before all of it is read.
    """
    for number, line in enumerate(iter(lambda: file.readline(_LONG_LINE + 1), ""), 1):
        if len(line) > _LONG_LINE:
            what = f"longer than {_LONG_LINE} characters: no line of such a file should be"
            refuse(Problem(path, what, number))
        if not line.isspace():
            yield number, line


def leads_astray(name: str) -> bool:
    """Return whether a name that a file gives leads out of its folder, or is no name of a file."""
    parts = name.split("/")
    return (
        _FOREIGN.search(name) is not None
        or not _NO_NAMES.isdisjoint(parts)
        or (name[1:2] == ":" and name[0].isalpha())  # a drive
        or (len(name) > _LONG // 4 and any(len(part.encode()) > _LONG for part in parts))
    )


def shown(text: str) -> str:
    """Return a text as a message shows it: quoted, on one line, not too long."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
