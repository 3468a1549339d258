"""Where the project keeps what it can make or fetch again.

That is ``inception-rcnn`` in ``XDG_CACHE_HOME``, or else in ``~/.cache``. It may be deleted at any
time; nothing depends on it but the time that a start takes. Machine code, networks and digests are
read only from folders that belong to the user, or to root, and that nobody else can write; others
may read them, such as the user of a container whose image root has made.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

_APPLICATION = "inception-rcnn"
_FOR_ALL_TO_READ = 0o755


def cache_folder(part: str) -> Path | None:
    """Return the folder of one part of the cache, whether or not it is there yet.

    None for a user without a home.

    Parameters
    ----------
    part : str
        What is kept there.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not root.is_absolute():
        try:
            root = Path.home() / ".cache"
        except RuntimeError:
            return None
    return root / _APPLICATION / part


def make_folder(folder: Path) -> None:
    """Make a folder of the cache that only the user can write.

    Raises
    ------
    OSError
        Where nothing can be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=_FOR_ALL_TO_READ, exist_ok=True)


def is_trusted(folder: Path) -> bool:
    """Return whether a folder is the user's own or root's, and writable by nobody else.

    On Windows, whose folders tell this otherwise, those of the user's profile are the user's own.
    """
    try:
        found = folder.stat()
    except OSError:
        return False
    if sys.platform == "win32":
        return True
    ours = found.st_uid in {0, os.getuid()}
    return ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
