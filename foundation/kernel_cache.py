"""Machine code of kernels, kept in a folder of the user's from one process to the next.

numba's own cache asks only whether the file of the kernel itself has changed, though functions
of other files are compiled into it; it fails where nothing can be written; and two processes
that write at once may mix up its entries. Here an entry is one file, named after all that the
code depends on and checked before it is used, and whatever goes wrong, the kernel is compiled.

Entries are pickles, as numba's are: who can write them can run code. So they are read only from
a folder that `foundation.cache_folder` trusts.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numba
from numba.core import compiler, serialize
from numba.core.runtime.nrt import rtsys

from foundation.cache_folder import cache_folder, is_trusted, make_folder
from foundation.files import whole_file
from foundation.source_stamp import source_stamp

_LAYERS: Final = ("foundation", "proposals", "detector")
"""Packages with kernels: into those of one, functions of itself and of earlier ones go."""

# Without annotations in some versions of numba, with incomplete ones in others.
_numba: Any = numba
_compiler: Any = compiler
_serialize: Any = serialize

_VERSIONS_KEPT = 8  # of the sources, by when they were last added to; some 3 MB each
_DIGEST_BYTES = 32


def version_folders() -> tuple[Path, ...]:
    """Return where the machine code of these sources is kept, whether or not it is there yet."""
    folders = (_version_folder(package) for package in _LAYERS)
    return tuple(folder for folder in folders if folder is not None)


class KernelCache:
    """The cache of one kernel, with the methods that a numba dispatcher calls on its own.

    Relied on of numba, beside these four methods: a compile result's ``_reduce`` and
    ``_rebuild``, which numba's cache stores and restores it by; and that restoring needs its
    memory management initialised, but none of its type and operator registries. Those cost a
    quarter of a second, and numba loads them by itself as soon as something is compiled.

    Parameters
    ----------
    function : callable
        The kernel's Python function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._module = function.__module__
        self._name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str | None:
        """Return the folder for this kernel's machine code, for numba's statistics."""
        folder = _version_folder(self._module.partition(".")[0])
        return None if folder is None else str(folder)

    def load_overload(self, signature: Any, target: Any) -> Any:  # noqa: ANN401 - of numba
        """Return the compile result for a signature, or None where there is none to be used."""
        path = self._path(signature, target.codegen())
        if path is None or not is_trusted(path.parent):
            return None
        try:
            content = path.read_bytes()
            digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
            if hashlib.sha256(payload).digest() != digest:
                return None  # damaged: compiled and written anew
            rtsys.initialize(target)
            stored, state = pickle.loads(payload)  # noqa: S301 - of the user's own folder
            return _compiler.CompileResult._rebuild(target, *state) if stored == signature else None
        except Exception:  # noqa: BLE001 - whatever is wrong with it, compiling mends it
            return None

    def save_overload(self, signature: Any, result: Any) -> None:  # noqa: ANN401 - of numba
        """Keep a compile result; nothing happens where that cannot be written."""
        path = self._path(signature, result.codegen)
        if path is None or result.library.has_dynamic_globals:  # addresses of this process
            return
        payload = _serialize.dumps((signature, result._reduce()))
        try:
            _make_version(path.parent)
            with whole_file(path) as temporary:
                temporary.write_bytes(hashlib.sha256(payload).digest() + payload)
        except OSError:
            return

    def flush(self) -> None:
        """Do nothing: entries that are out of date have names that nobody asks for."""

    def _path(self, signature: Any, codegen: Any) -> Path | None:  # noqa: ANN401 - of numba
        """Return the file for a signature on this processor, with this numba and Python."""
        folder = _version_folder(self._module.partition(".")[0])
        if folder is None:
            return None
        switches = (_numba.config.BOUNDSCHECK, _numba.config.OPT)
        target = codegen.magic_tuple()
        depends_on = (signature, target, switches, numba.__version__, sys.version)
        digest = hashlib.sha256(repr(depends_on).encode()).hexdigest()
        return folder / f"{self._name}-{digest[:16]}.bin"


@cache
def _version_folder(package: str) -> Path | None:
    """Return the folder for the kernels of a package, named after the sources they come from.

    None where it has no place, or the sources cannot be read, so that nothing can be said of
    what is kept.
    """
    folder = cache_folder("kernels")
    if folder is None or package not in _LAYERS:
        return None
    layers = _LAYERS[: _LAYERS.index(package) + 1]
    stamp = source_stamp(*layers)
    return None if stamp is None else folder / f"{package}-{stamp}"


def _make_version(folder: Path) -> None:
    """Make the folder of a version, and remove those of versions long gone."""
    if folder.is_dir():
        return
    make_folder(folder)
    versions = sorted(folder.parent.iterdir(), key=lambda version: version.stat().st_mtime)
    for version in versions[:-_VERSIONS_KEPT]:
        shutil.rmtree(version, ignore_errors=True)
