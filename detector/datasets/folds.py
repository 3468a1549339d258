"""Ten folds of a data set's images, so that what trains, what chooses and what judges stay apart.

Which fold an image is in depends on its id alone: every run and every command agrees, whatever
else the list holds.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

FOLDS: Final = 10

_TERM: Final = re.compile(r"(\d)(?:-(\d))?")


def fold_of(image_id: str) -> int:
    """Return the fold of an image, 0 to 9."""
    digest = hashlib.sha256(image_id.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") % FOLDS


def parse_folds(text: str) -> frozenset[int]:
    """Return the folds that a text such as ``"0"``, ``"1-9"`` or ``"0,3,5-7"`` names.

    Raises
    ------
    ValueError
        If it names none, or is written in another way.
    """
    folds: set[int] = set()
    for term in text.split(","):
        match = _TERM.fullmatch(term.strip())
        first, last = (match[1], match[2] or match[1]) if match else ("1", "0")
        if last < first:
            raise ValueError(
                f"folds must be numbers and ranges from 0 to {FOLDS - 1}, such as 0 or 1-9 or"
                f" 0,5-7, but got '{text}'"
            )
        folds.update(range(int(first), int(last) + 1))
    return frozenset(folds)
