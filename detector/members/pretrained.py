"""The member files that come with the package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from foundation.tensor_file import WeightsError


def pretrained_paths(members: Sequence[str | int] | None = None) -> tuple[Path, ...]:
    """Return member files that come with the package: all by name, or those chosen.

    Parameters
    ----------
    members : sequence of str or int, optional
        As in `detector.Detector.from_pretrained`.

    Raises
    ------
    WeightsError
        If there is no file at all.
    ValueError
        If the package has no such member, or one is named twice or none at all.
    """
    folder = Path(str(files("detector.members").joinpath("weights")))
    paths = tuple(sorted(folder.glob("*.safetensors")))
    if not paths:
        raise WeightsError(
            f"{folder}: no weights (*.safetensors) come with this installation; train a member"
            " with inception-rcnn train and load its file"
        )
    return paths if members is None else _chosen(paths, members)


def _chosen(paths: Sequence[Path], members: Sequence[str | int]) -> tuple[Path, ...]:
    """Return the paths of members by name or place."""
    by_key: dict[str | int, Path] = {path.stem: path for path in paths} | dict(enumerate(paths))
    # A text is a sequence of texts, too.
    wanted = [members] if isinstance(members, str) else list(members)
    unknown = [key for key in wanted if key not in by_key]
    chosen = tuple(by_key[key] for key in wanted if key in by_key)
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"members must be one or more of {', '.join(path.stem for path in paths)}, each once,"
            f" by name or by number from 0, but got {wanted}"
        )
    return chosen
