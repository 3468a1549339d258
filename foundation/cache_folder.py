"""Where the project keeps what it can make again: compiled networks and kernels."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

_APPLICATION = "inception-rcnn"


def cache_folder(part: str) -> Path | None:
    """Return a folder of the user's cache, made if need be; None where none can be written.

    It is readable by the user alone, and may be deleted at any time. Nothing depends on it but
    the time that a start takes.

    Parameters
    ----------
    part : str
        What is kept there.
    """
    try:
        folder = user_cache_path(_APPLICATION) / part
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no right to, or a user without a home
        return None
    return folder if os.access(folder, os.W_OK) else None
