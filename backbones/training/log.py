"""The log of a training run: one JSON line a step."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from foundation.files import whole_file


def reopen_log(path: Path, steps_done: int) -> TextIO:
    """Open the log for more lines, without those that came after the last checkpoint."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    with whole_file(path) as unfinished:
        unfinished.write_text("".join(line + "\n" for line in lines[:steps_done]), encoding="utf-8")
    return path.open("a", encoding="utf-8")
