"""Files of compiled networks, found by a key and checked before they are used."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from foundation.cache_folder import is_trusted, make_folder
from foundation.files import whole_file

_SUFFIX = ".network"
_MOST_FILES = 24  # in the folder; of more, those that were not used for longest are removed


class StoredNetwork:
    """The place of one compiled network in a folder of the cache.

    A checksum stands in the file's name, so that the network is the whole file and can be read at
    once. Whatever goes wrong, there is no such file.

    Parameters
    ----------
    folder : Path
    key : str
        That other networks do not have.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self._key = key

    def exists(self) -> bool:
        """Tell whether there is a file, damaged or not, in a folder that may be read."""
        return is_trusted(self._folder) and bool(self._files())

    def read(self) -> bytes | None:
        """Return what was written, or None where there is nothing or it is damaged."""
        if not is_trusted(self._folder):
            return None
        for path in self._files():
            with suppress(OSError):
                content = path.read_bytes()
                if path.name == self._name(content):
                    with suppress(OSError):  # a folder of root's
                        os.utime(path)
                    return content
        return None

    def write(self, content: bytes) -> None:
        """Keep a network, in place of what stood there; nothing happens where that cannot be."""
        name = self._name(content)
        try:
            make_folder(self._folder)
            if not is_trusted(self._folder):
                return
            with whole_file(self._folder / name) as temporary:
                temporary.write_bytes(content)
            for path in self._files():
                if path.name != name:
                    path.unlink(missing_ok=True)
            self._remove_unused()
        except OSError:
            return  # a full disk, for example: it will be compiled again next time

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"{self._key}-*{_SUFFIX}"))

    def _name(self, content: bytes) -> str:
        return f"{self._key}-{hashlib.sha256(content).hexdigest()[:32]}{_SUFFIX}"

    def _remove_unused(self) -> None:
        by_use = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: -path.stat().st_mtime)
        for path in by_use[_MOST_FILES:]:
            path.unlink(missing_ok=True)
