from __future__ import annotations

import pytest

from detector.classes import ObjectClass, ilsvrc_classes, select_classes

SCREW, SEVEN, CAT = (
    ObjectClass(7, "", "Wood Screw"),
    ObjectClass(12, "", "7"),
    ObjectClass(3, "n02121808", "cat"),
)
OWN = (SCREW, SEVEN, CAT)


@pytest.mark.parametrize(
    "key", ["n02121808", "59", "domestic cat", "Domestic_Cat", " domestic_cat "]
)
def test_a_class_is_named_in_many_ways(key: str) -> None:
    assert [c.name for c in select_classes([key])] == ["domestic_cat"]


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("wood screw", SCREW),
        ("WOOD_SCREW", SCREW),
        ("12", SEVEN),
        ("7", SEVEN),  # a name before a number
        ("cat", CAT),
        ("n02121808", CAT),
        ("3", CAT),
    ],
)
def test_classes_of_a_data_set_of_ones_own_are_named_alike(key: str, found: ObjectClass) -> None:
    assert select_classes([key], OWN) == (found,)


def test_the_order_is_that_of_the_keys() -> None:
    assert select_classes(["cat", "wood screw"], OWN) == (CAT, SCREW)
    assert select_classes([]) == ()


@pytest.mark.parametrize(
    ("keys", "among", "message"),
    [
        (["unicorn"], None, "'unicorn' names no class: .* of the 200 classes in .*tsv"),
        (["bus"], OWN, "'bus' names no class: .* of Wood Screw, 7, cat$"),
        ([""], OWN, "'' names no class"),
        (["wood-scrw"], OWN, r"'wood-scrw' names no class \(did you mean 'Wood Screw'\?\): give"),
        (["persn"], None, r"\(did you mean 'person' or 'purse'\?\)"),
        (["domestic  cat"], None, r"\(did you mean 'domestic_cat'\?\)"),
        (["car"], [SCREW] * 101, r"\.\.\. \(101 in all\)$"),
        (["car"], (), "'car' names no class"),
        (["cat", "3"], OWN, "'3' names a class that was named before"),
    ],
)
def test_other_keys_are_refused(
    keys: list[str], among: tuple[ObjectClass, ...] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        select_classes(keys, among)


def test_the_key_of_a_class_is_its_wordnet_id_or_else_its_name() -> None:
    assert [c.key for c in OWN] == ["Wood Screw", "7", "n02121808"]
    assert len({c.key for c in ilsvrc_classes()}) == 200
