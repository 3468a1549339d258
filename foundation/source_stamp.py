"""A name for the state of source files, for caches of what was made by running them."""

from __future__ import annotations

import hashlib
from pathlib import Path

_ROOT = Path(__file__).parents[1]  # of all packages, installed or not


def source_stamp(*packages: str) -> str:
    """Return a digest that differs wherever a Python file of the packages does.

    Parameters
    ----------
    *packages : str
        Folders that stand beside this package, for example ``"backbones"``, or parts of them,
        ``"proposals/multibox"``.
    """
    state = hashlib.blake2b(digest_size=16)
    for package in packages:
        for source in sorted((_ROOT / package).rglob("*.py")):
            content = source.read_bytes()
            state.update(f"{source.relative_to(_ROOT)} {len(content)}\n".encode())
            state.update(content)
    return state.hexdigest()
