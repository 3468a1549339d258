"""A name for the state of source files, for caches of what was made by running them."""

from __future__ import annotations

import hashlib
from pathlib import Path

_ROOT = Path(__file__).parents[1]  # of all packages, installed or not


def source_stamp(*packages: str) -> str | None:
    """Return a digest that differs wherever a Python file of the packages does.

    None where a package shows no sources, so that nothing can be said of it.

    Parameters
    ----------
    *packages : str
        Folders that stand beside this package, for example ``"backbones"``, or parts of them,
        ``"proposals/multibox"``.
    """
    state = hashlib.sha256()
    for package in packages:
        sources = sorted((_ROOT / package).rglob("*.py"))
        if not sources:
            return None
        for source in sources:
            content = source.read_bytes()
            state.update(f"{source.relative_to(_ROOT)} {len(content)}\n".encode())
            state.update(content)
    return state.hexdigest()[:32]
