from __future__ import annotations

import pytest

from detector.classes import ObjectClass, coco_classes, ilsvrc_classes, voc_classes

NAMES = {c.wnid: c.name for c in ilsvrc_classes()}


def ilsvrc_name(classes: tuple[ObjectClass, ...], name: str) -> str | None:
    (found,) = (c for c in classes if c.name == name)
    return NAMES[found.wnid] if found.wnid else None


@pytest.mark.parametrize("classes", [voc_classes(), coco_classes()])
def test_every_wordnet_id_is_one_of_ilsvrcs_and_stands_once(
    classes: tuple[ObjectClass, ...],
) -> None:
    wnids = [c.wnid for c in classes if c.wnid]
    assert set(wnids) <= NAMES.keys()
    for column in (wnids, [c.id for c in classes], [c.name for c in classes]):
        assert len(set(column)) == len(column)


def test_vocs_20_are_in_alphabetical_order() -> None:
    names = [c.name for c in voc_classes()]
    assert names == sorted(names)
    assert [c.id for c in voc_classes()] == list(range(1, 21))
    assert [c.name for c in voc_classes() if not c.wnid] == ["bottle"]


def test_cocos_80_ascend_and_have_gaps() -> None:
    numbers = [c.id for c in coco_classes()]
    assert (len(numbers), numbers) == (80, sorted(numbers))
    assert set(range(1, 91)) - set(numbers) == {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


@pytest.mark.parametrize(
    ("classes", "name", "same"),
    [
        (voc_classes(), "aeroplane", "airplane"),
        (voc_classes(), "cow", "cattle"),
        (voc_classes(), "tvmonitor", "tv_or_monitor"),
        (voc_classes(), "cat", "domestic_cat"),
        (coco_classes(), "couch", "sofa"),
        (coco_classes(), "mouse", "computer_mouse"),
        (coco_classes(), "hot dog", "hotdog"),
        (coco_classes(), "remote", "remote_control"),
        (coco_classes(), "truck", None),
        (coco_classes(), "tennis racket", None),  # ILSVRC's racket is of any game
        (coco_classes(), "tie", None),  # ILSVRC has bow ties apart
    ],
)
def test_classes_that_are_the_same_have_other_names(
    classes: tuple[ObjectClass, ...], name: str, same: str | None
) -> None:
    assert ilsvrc_name(classes, name) == same


def test_the_same_class_has_the_same_key_in_all() -> None:
    shipped = {"bus", "car", "dog", "horse", "person", "sheep", "train", "cat", "cow"}
    voc = {c.name: c.key for c in voc_classes()}
    coco = {c.name: c.key for c in coco_classes()}
    assert {name: voc[name] for name in shipped} == {name: coco[name] for name in shipped}
