"""Files that gzip may have packed, read with a limit to what they unpack to."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from detector.datasets.problems import Problem, refuse

_MAGIC: Final = b"\x1f\x8b"


def open_unpacked(path: Path, max_bytes: int) -> io.BufferedReader:
    """Open a file for reading; what gzip packed is unpacked, whatever the file's name.

    Parameters
    ----------
    path : Path
    max_bytes : int
        To how many bytes a packed file may unpack. A bomb is refused when it gets there, before
        it fills the memory. What is not packed may have any size.

    Raises
    ------
    OSError
        If the file cannot be opened.
    DatasetError
        On reading a packed file: at the first byte beyond the limit, or if it is damaged.
    """
    file = path.open("rb")
    packed = file.read(len(_MAGIC)) == _MAGIC
    file.seek(0)
    return io.BufferedReader(_Unpacked(path, file, max_bytes)) if packed else file


class _Unpacked(io.RawIOBase):
    def __init__(self, path: Path, file: BinaryIO, max_bytes: int) -> None:
        self._path = path
        self._file = file
        self._source = gzip.GzipFile(fileobj=file, mode="rb")
        self._max_bytes = max_bytes
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        try:
            content = self._source.read(len(buffer))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            refuse(Problem(self._path, f"damaged gzip ({error}): pack or fetch it again"))
        self._done += len(content)
        if self._done > self._max_bytes:
            what = f"unpacks to more than {self._max_bytes} bytes: no such file should"
            refuse(Problem(self._path, what))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()
