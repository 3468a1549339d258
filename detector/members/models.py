"""Models: folders of member files with the file of their ensemble, shipped or one's own.

A model is a folder of ``*.safetensors``, which are its members in the order of their names, and
`ENSEMBLE_FILE`, whose settings hold in place of the members' own. Those that ship lie in
``weights/NAME`` and are known by that name. In a folder of one's own the file may be absent: then
the first member's settings hold.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from detector.classes import ObjectClass
from detector.config import DEFAULT_MODEL
from detector.members.ensemble_file import Ensemble, load_ensemble, save_ensemble
from detector.members.file import MemberFile, open_members
from foundation.spelling import did_you_mean
from foundation.tensor_file import WeightsError

ENSEMBLE_FILE: Final = "ensemble.json"
"""Name of the file that holds what is common to a model's members."""

_MEMBERS = "*.safetensors"


@dataclass(frozen=True)
class Model:
    """A model whose settings are read, and whose tensors are not yet.

    Attributes
    ----------
    folder : Path
    ensemble : Ensemble
    members : tuple of MemberFile
        One or more of the same classes; the first stands in front of the cascade.
    """

    folder: Path
    ensemble: Ensemble
    members: tuple[MemberFile, ...]

    @property
    def classes(self) -> tuple[ObjectClass, ...]:
        """What the model can detect."""
        return self.members[0].settings.classes

    @property
    def ensemble_path(self) -> Path:
        """Where the file of the ensemble is, or is to be."""
        return self.folder / ENSEMBLE_FILE


def open_model(
    model: str | Path = DEFAULT_MODEL, members: str | Sequence[str | int] | None = None
) -> Model:
    """Open a model by name or folder.

    Parameters
    ----------
    model : str or Path
        Name of a model that ships, or a folder. A text that is such a name is taken for it;
        ``./NAME`` is the folder.
    members : str or sequence of str or int, optional
        Which of its members, by file name without suffix or by place in the order of their names;
        the first of them stands in front of the cascade. All when left out.

    Raises
    ------
    WeightsError
        If there is no such model, its folder holds no member, or a file cannot be used; one line
        that names the remedy.
    ValueError
        If the model has no such member, one is named twice or none at all, or they do not agree.
    TypeError
        If ``model`` is neither text nor path.
    """
    folder = _folder_of(model)
    # Files whose names begin with a dot are half written.
    paths = sorted(path for path in folder.glob(_MEMBERS) if not path.name.startswith("."))
    if not paths:
        raise WeightsError(
            f"{folder}: holds no member files ({_MEMBERS}); put those that inception-rcnn train"
            " writes there"
        )
    opened = open_members(paths if members is None else _chosen(paths, members))
    return Model(folder, _ensemble_of(folder, opened), opened)


def default_ensemble(members: Sequence[MemberFile]) -> Ensemble:
    """Return what holds for members that have no file of their ensemble: the first one's settings.

    Parameters
    ----------
    members : sequence of MemberFile
        One or more of the same classes.
    """
    first = members[0].settings
    networks = "1 network" if len(members) == 1 else f"{len(members)} networks"
    return Ensemble(f"{networks} for {len(first.classes)} classes.", first.detection)


def save_model(folder: str | Path, members: Sequence[MemberFile], ensemble: Ensemble) -> None:
    """Write the folder of a model, whole or not at all; `open_model` opens it.

    Member files are copied byte by byte. They keep their names where the order of these is that of
    the members, by which a model's folder goes; else a number stands in front.

    Parameters
    ----------
    folder : str or Path
        Must not be there, or be empty.
    members : sequence of MemberFile
    ensemble : Ensemble

    Raises
    ------
    WeightsError
        If the folder holds something.
    OSError
        If it cannot be written.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise WeightsError(f"{folder}: is there already: choose another folder, or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        unfinished = Path(beside) / folder.name
        unfinished.mkdir()
        for member, name in zip(members, _names_in_order(members), strict=True):
            shutil.copyfile(member.path, unfinished / name)
        save_ensemble(unfinished / ENSEMBLE_FILE, ensemble)
        unfinished.replace(folder)


def shipped_models() -> tuple[str, ...]:
    """Return the names of the models that come with the package, sorted."""
    folder = _shipped()
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{ENSEMBLE_FILE}")))


def _shipped() -> Path:
    return Path(str(files("detector.members").joinpath("weights")))


def _folder_of(model: str | Path) -> Path:
    if not isinstance(model, str | Path):
        raise TypeError(
            f"a model must be a name or a folder but got {model!r}: choose members by members=..."
        )
    names = shipped_models()
    if model in names:
        return _shipped() / model
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise WeightsError(f"{folder}: a model is a folder; give single files as weights")
    raise WeightsError(
        f"'{model}' is no model{did_you_mean(str(model), names)}: give one that ships"
        f" ({', '.join(names) or 'this installation has none'}), or a folder of member files"
    )


def _chosen(paths: Sequence[Path], members: str | Sequence[str | int]) -> list[Path]:
    """Return the paths of members by name or place."""
    by_key: dict[str | int, Path] = {path.stem: path for path in paths} | dict(enumerate(paths))
    # A text is a sequence of texts, too.
    wanted = [members] if isinstance(members, str) else list(members)
    chosen = [by_key[key] for key in wanted if key in by_key]
    if not chosen or len(chosen) < len(wanted) or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"members must be one or more of {', '.join(path.stem for path in paths)}, each once,"
            f" by name or by number from 0, but got {wanted}"
        )
    return chosen


def _names_in_order(members: Sequence[MemberFile]) -> list[str]:
    names = [f"{member.path.stem}.safetensors" for member in members]
    if names == sorted(set(names)):
        return names
    digits = len(str(len(names)))
    return [f"{number:0{digits}}-{name}" for number, name in enumerate(names, 1)]


def _ensemble_of(folder: Path, members: Sequence[MemberFile]) -> Ensemble:
    path = folder / ENSEMBLE_FILE
    return load_ensemble(path) if path.exists() else default_ensemble(members)
