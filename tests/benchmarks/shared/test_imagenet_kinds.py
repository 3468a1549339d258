from __future__ import annotations

import importlib
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest

from backbones.classification.imagenet import imagenet_names
from detector.classes import voc_classes

ROOT = Path(__file__).parents[3]


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("shared.imagenet_kinds")


def test_every_class_of_voc_but_the_person_has_outputs_of_its_own(kinds: ModuleType) -> None:
    found = kinds.indices_of_kinds(imagenet_names())
    assert found.keys() == {one.name for one in voc_classes()} - {"person"}
    assert all(found.values())
    assert not any(one & other for one, other in combinations(found.values(), 2))


def test_ranges_are_wordnets_birds_cats_and_dogs(kinds: ModuleType) -> None:
    found = kinds.indices_of_kinds(imagenet_names())
    assert found["dog"] == set(range(151, 269))
    assert found["cat"] == set(range(281, 286))
    assert found["bird"] == {*range(7, 25), *range(80, 101), *range(127, 147)}
    assert found["bottle"] == {440, 720, 737, 898, 907}
