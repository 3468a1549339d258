"""Digests of files, remembered while the files stay as they are.

As in git's index, a file is known by what the system says of it: its inode, its size, and when its
content and its status changed last. The last of these no program can set back. A file that
changed within the last seconds is read again, as clocks are coarser than writes.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from foundation.cache_folder import cache_folder, is_trusted, make_folder
from foundation.files import write_text

_NAME = "files.json"
_MOST_FILES = 256  # that are remembered; of more, those of longest ago go
_SETTLED_SECONDS = 2.0

Identity = list[int]


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, from memory where it did not change.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    path = Path(path).resolve()
    before = _identity(path)
    memory = _load()
    known = memory.get(str(path))
    if known is not None and known["identity"] == before:
        return str(known["digest"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if _identity(path) == before and _has_settled(before):
        _remember(memory, str(path), before, digest)
    return digest


def _identity(path: Path) -> Identity:
    found = path.stat()
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _has_settled(identity: Identity) -> bool:
    return time.time() - max(identity[-2:]) / 1e9 > _SETTLED_SECONDS


def _load() -> dict[str, dict[str, object]]:
    """Return what is remembered of files by their paths; nothing where that cannot be trusted."""
    folder = cache_folder("digests")
    if folder is None or not is_trusted(folder):
        return {}
    try:
        found = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        return {
            path: {"identity": one["identity"], "digest": one["digest"]}
            for path, one in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _remember(
    memory: dict[str, dict[str, object]], path: str, identity: Identity, digest: str
) -> None:
    folder = cache_folder("digests")
    if folder is None:
        return
    memory.pop(path, None)
    memory[path] = {"identity": identity, "digest": digest}
    kept = dict(list(memory.items())[-_MOST_FILES:])
    try:
        make_folder(folder)
        write_text(folder / _NAME, json.dumps(kept))
    except OSError:
        return  # it will be read again next time
