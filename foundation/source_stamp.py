"""A name for the state of source files, for caches of what was made by running them."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

_ROOT = Path(__file__).parents[1]  # of all packages, installed or not
_STARTED_NS = time.time_ns()  # before the modules that are stamped are run


def source_stamp(*packages: str) -> str | None:
    """Return a digest that differs wherever a Python file of the packages does.

    None where nothing can be said of what this process runs: where a package shows no sources,
    where one cannot be read, or has changed since the process started.

    Parameters
    ----------
    *packages : str
        Folders that stand beside this package, for example ``"backbones"``, or parts of them,
        ``"proposals/multibox"``.
    """
    state = hashlib.sha256()
    try:
        for package in packages:
            sources = sorted((_ROOT / package).rglob("*.py"))
            if not sources:
                return None
            for source in sources:
                if source.name.startswith("."):  # an editor's own
                    continue
                if source.stat().st_mtime_ns > _STARTED_NS:
                    return None
                content = source.read_bytes()
                state.update(f"{source.relative_to(_ROOT)} {len(content)}\n".encode())
                state.update(content)
    except OSError:
        return None
    return state.hexdigest()[:32]
