"""A lock between processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class LockedError(ValueError):
    """Another process is at the same work."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, which names the process that holds it.

    The system gives a lock back when its process ends in whatever way, so that the file of a
    process that was killed locks nothing.

    Raises
    ------
    LockedError
        If another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _acquired(path) as file:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _acquired(path: Path) -> IO[str]:
    import fcntl

    while True:
        file = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still_there(file, path):
                return file
        except BlockingIOError:
            file.seek(0)
            process = file.read(20).strip() or "unknown"
            file.close()
            raise LockedError(
                f"{path}: process {process} is at work on this output; wait for it, or end it"
            ) from None
        except BaseException:
            file.close()
            raise
        file.close()  # its holder removed it after we opened it


def _is_still_there(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
