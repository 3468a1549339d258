"""Object classes: those of three data sets, and how a user names some of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from foundation.spelling import did_you_mean

_CLASSES_SHOWN: Final = 100  # of a data set, in an error message


@dataclass(frozen=True)
class ObjectClass:
    """One class that a detector can name.

    Attributes
    ----------
    id : int
        Number of the class in prediction files; ``det_id`` (1-200) for ILSVRC DET.
    wnid : str
        WordNet id, for example ``"n02958343"``; empty for a class that is not of ILSVRC DET.
    name : str
        English name, for example ``"car"``.
    """

    id: int
    wnid: str
    name: str

    @property
    def key(self) -> str:
        """What annotations call the class: its WordNet id, or its name where it has none."""
        return self.wnid or self.name


@cache
def ilsvrc_classes() -> tuple[ObjectClass, ...]:
    """Return the 200 classes of ILSVRC DET, by ascending ``det_id``."""
    return _read_table("ilsvrc_det_classes.tsv")


@cache
def voc_classes() -> tuple[ObjectClass, ...]:
    """Return the 20 classes of PASCAL VOC, in alphabetical order, numbered from 1."""
    return _read_table("voc_classes.tsv")


@cache
def coco_classes() -> tuple[ObjectClass, ...]:
    """Return the 80 classes of COCO, by COCO's numbers, which run from 1 to 90 with gaps."""
    return _read_table("coco_classes.tsv")


def _read_table(name: str) -> tuple[ObjectClass, ...]:
    table = files("detector").joinpath(f"datasets/tables/{name}").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines()[1:])
    return tuple(ObjectClass(int(number), wnid, name) for number, wnid, name in rows)


def select_classes(
    keys: Iterable[str], among: Sequence[ObjectClass] | None = None
) -> tuple[ObjectClass, ...]:
    """Return the classes that ``keys`` name, in the order of the keys.

    Parameters
    ----------
    keys : iterable of str
        Each a WordNet id, a name or a number (``det_id``); a name may be written
        with spaces or underscores, in any case. What is a name is not taken for a number.
    among : sequence of ObjectClass, optional
        The classes to choose from; ILSVRC's 200 when left out.

    Raises
    ------
    ValueError
        If a key names no class, or two keys name the same one.
    """
    classes = ilsvrc_classes() if among is None else among
    by_key = {str(c.id): c for c in classes}
    by_key |= {_normalised(c.name): c for c in classes}
    by_key |= {c.wnid: c for c in classes if c.wnid}
    selected: list[ObjectClass] = []
    for key in keys:
        found = by_key.get(_normalised(key))
        if found is None:
            hint = did_you_mean(key, [c.name for c in classes])
            raise ValueError(
                f"'{key}' names no class{hint}: give names, WordNet ids or numbers of"
                f" {_described(classes)}"
            )
        if found in selected:
            raise ValueError(f"'{key}' names a class that was named before: give each class once")
        selected.append(found)
    return tuple(selected)


def _normalised(key: str) -> str:
    return key.strip().lower().replace(" ", "_")


def _described(classes: Sequence[ObjectClass]) -> str:
    """Say for an error message which classes there are."""
    if tuple(classes) == ilsvrc_classes():
        return "the 200 classes in detector/datasets/tables/ilsvrc_det_classes.tsv"
    names = ", ".join(c.name for c in classes[:_CLASSES_SHOWN])
    return f"{names}, ... ({len(classes)} in all)" if len(classes) > _CLASSES_SHOWN else names
