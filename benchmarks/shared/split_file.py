"""The scores of a split in a file, so that members are compared without scoring them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detector.training.split_scores import SplitScores
from foundation.files import whole_file

_ARRAYS = ("image_sizes", "counts", "boxes_xyxy", "member_scores")


class Kept(NamedTuple):
    """What a file holds: the scores, the digests of their members, and the key."""

    key: dict[str, Any]
    members: list[str]
    scores: SplitScores


def digest_of(path: Path) -> str:
    """Return what tells files, or folders of files, apart by their content."""
    if path.is_dir():
        parts = [f"{entry.name} {digest_of(entry)}" for entry in sorted(path.iterdir())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_scores(
    path: Path, key: dict[str, Any], members: Sequence[str], scores: SplitScores
) -> None:
    """Write scores with the digests of their members and the key of all else they depend on."""
    arrays = {name: getattr(scores, name) for name in _ARRAYS}
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, key=_text(key), members=np.array(members), **arrays)


def read_scores(path: Path, key: dict[str, Any]) -> tuple[list[str], SplitScores] | None:
    """Return the members' digests and their scores; None where the file has another key."""
    if not path.is_file():
        return None
    kept = read_kept(path)
    return (kept.members, kept.scores) if kept.key == key else None


def read_kept(path: Path) -> Kept:
    """Return all that a file holds."""
    with np.load(path, allow_pickle=False) as arrays:
        scores = SplitScores(**{name: arrays[name] for name in _ARRAYS})
        return Kept(json.loads(arrays["key"].item()), arrays["members"].tolist(), scores)


def _text(key: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.array(json.dumps(key, sort_keys=True))
