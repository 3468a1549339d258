"""A corpus of damaged COCO files: the reader refuses each kind, and the checker finds it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.datasets import DatasetError, DatasetFormat, open_dataset
from detector.datasets.coco import file as coco_file
from detector.datasets.problems import Problem

Change = Callable[[Path], object]


class Damage(NamedTuple):
    name: str
    change: Change
    message: str  # after the name of the file


DOCUMENT: dict[str, list[dict[str, Any]]] = {
    "images": [
        {"id": 7, "file_name": "a.jpg", "height": 40, "width": 60},
        {"id": 9, "file_name": "b.jpg", "height": 40, "width": 60},
    ],
    "categories": [{"id": 3, "name": "car"}, {"id": 18, "name": "dog"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3.5, 4], "area": 9, "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 18, "bbox": [0, 0, 60, 40], "iscrowd": 1},
    ],
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the whole file of a tree of two images."""
    monkeypatch.setattr(coco_file, "MAX_BYTES", 6000)
    path = tmp_path / "annotations/instances_train.json"
    path.parent.mkdir()
    path.write_text(json.dumps(DOCUMENT))
    (tmp_path / "train").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"train/{name}.jpg").touch()
    return path


def content(new: str | bytes) -> Change:
    data = new.encode("utf-8") if isinstance(new, str) else new
    return lambda path: path.write_bytes(data)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)  # reading it would never end


def value(*place: str | int, new: object) -> Change:
    """Set a value of the document; `...` takes it away."""

    def change(path: Path) -> None:
        document = json.loads(path.read_text())
        parent = document
        for step in place[:-1]:
            parent = parent[step]
        if new is ...:
            del parent[place[-1]]
        else:
            parent[place[-1]] = new
        path.write_text(json.dumps(document))

    return change


def area(digits: str) -> Change:
    """Set an area to what `json.dumps` would not write."""

    def change(path: Path) -> None:
        path.write_text(path.read_text().replace('"area": 9', f'"area": {digits}'))

    return change


def nested(levels: int, start: str, end: str) -> str:
    return start * levels + end * levels


WHOLE = json.dumps(DOCUMENT)
FIRST_IMAGE, FIRST_CLASS, FIRST_OBJECT = ("images", 0), ("categories", 0), ("annotations", 0)

CORPUS = [
    Damage("empty", content(""), r"not JSON \(Expecting value at line 1, column 1\)"),
    Damage("truncated", content(WHOLE[:-100]), "not JSON .*: correct it, or fetch it again"),
    Damage("XML", content("<annotation/>"), "not JSON"),
    Damage("two documents", content("{} {}"), r"not JSON \(Extra data at line 1"),
    Damage("a trailing comma", content('{"images": [1,]}'), "not JSON"),
    Damage("binary", content(b"\x7f\x8b\x08\0"), "cannot be read: not UTF-8 at byte 1"),
    Damage("half of a gzip", content(b"\x1f\x8b\x08\0"), r"damaged gzip \(.*\): pack or fetch it"),
    Damage("UTF-16", content(WHOLE.encode("utf-16")), "cannot be read: not UTF-8 at byte 0"),
    Damage("a folder", folder, r"cannot be read \(Is a directory\)"),
    Damage("a pipe", pipe, r"cannot be read \(no regular file\)"),
    Damage("huge", content("[" + "1," * 5000 + "1]"), "larger than 6000 bytes"),
    Damage("deep", content(nested(90, "[", "]")), "nested deeper than 64 levels"),
    Damage("very deep", content(nested(600, '{"a":[', "]}")), "nested deeper than 64"),
    Damage("key twice", content('{"images": [], "images": []}'), "the key 'images' twice"),
    Damage("a list", content("[1, 2]"), "the outermost value must be an object, but is"),
    Damage("nothing", content("null"), "the outermost value must be an object, but is"),
    Damage("no images", value("images", new=...), '"images" is missing: give a file of'),
    Damage("one image", value("images", new={}), '"images" must be a list, but is {}'),
    Damage("no categories", value("categories", new=...), '"categories" is missing'),
    Damage("no annotations", value("annotations", new=...), '"annotations" is missing'),
    Damage("text for image", value(*FIRST_IMAGE, new="a"), r"images\[0\] must be an obj"),
    Damage("null", value(*FIRST_OBJECT, new=None), r"annotations\[0\] must be an object"),
    Damage("NaN", area("NaN"), "holds NaN, which is no"),
    Damage("infinite", area("-Infinity"), "holds -Infinity"),
    Damage("1e999", area("1e999"), "holds a number that is too large"),
    Damage("digits", area("9" * 5000), "thousands of digits"),
    Damage("1e300", value(*FIRST_OBJECT, "area", new=1e300), '"area" .* must be a number'),
    Damage("no id", value(*FIRST_IMAGE, "id", new=...), r'"id" of images\[0\] is missing'),
    Damage("id a text", value(*FIRST_IMAGE, "id", new="7"), r"images\[0\] must be a whole"),
    Damage("id a bool", value(*FIRST_IMAGE, "id", new=True), "whole number .* but is True"),
    Damage("id a float", value(*FIRST_IMAGE, "id", new=7.0), "whole number .* but is 7.0"),
    Damage("id negative", value(*FIRST_IMAGE, "id", new=-7), "whole number from 0 .* -7"),
    Damage("id huge", value(*FIRST_IMAGE, "id", new=2**60), "whole number from 0 to"),
    Damage("id twice", value("images", 1, "id", new=7), r'"id" of images\[1\] is 7, as of'),
    Damage("no file", value(*FIRST_IMAGE, "file_name", new=...), '"file_name" .* missing'),
    Damage("file null", value(*FIRST_IMAGE, "file_name", new=None), "but is None: give"),
    Damage("file empty", value(*FIRST_IMAGE, "file_name", new=""), "a file in the folder"),
    Damage(
        "file outside",
        value(*FIRST_IMAGE, "file_name", new="../../x.jpg"),
        r'images\[0\] must be a file in the folder of pictures, but is "?.?\.\./\.\./x.jpg',
    ),
    Damage("a URL", value(*FIRST_IMAGE, "file_name", new="http://x/a"), "a file in the"),
    Damage("surrogate", value(*FIRST_IMAGE, "file_name", new="\udc80"), "a file in the"),
    Damage("file twice", value("images", 1, "file_name", new="a.png"), "is 'a', as of an"),
    Damage("zero height", value(*FIRST_IMAGE, "height", new=0), '"height" .* from 1 to 655'),
    Damage("huge width", value(*FIRST_IMAGE, "width", new=10**9), '"width" .* but is 1000'),
    Damage("text width", value(*FIRST_IMAGE, "width", new="60"), "but is '60': correct it"),
    Damage("no name", value(*FIRST_CLASS, "name", new=...), r'"name" of categories\[0\]'),
    Damage("name empty", value(*FIRST_CLASS, "name", new=""), "must be a class such as"),
    Damage("name a list", value(*FIRST_CLASS, "name", new=["car"]), "must be a class such"),
    Damage("name twice", value("categories", 1, "name", new="car"), "'n02958343', as of an"),
    Damage("class id", value("categories", 1, "id", new=3), r"categories\[1\] is 3, as of"),
    Damage("WordNet id", value(*FIRST_CLASS, "wnid", new="car"), '"wnid" .* must be a Word'),
    Damage("image", value(*FIRST_OBJECT, "image_id", new=8), '"image_id" .* is 8, which is'),
    Damage("class", value(*FIRST_OBJECT, "category_id", new=0), "is 0, which is no category"),
    Damage("object id", value("annotations", 1, "id", new=1), r"annotations\[1\] is 1, as"),
    Damage("no box", value(*FIRST_OBJECT, "bbox", new=...), '"bbox" .* is missing: add it'),
    Damage("box of 3", value(*FIRST_OBJECT, "bbox", new=[1, 2, 3]), "must be four numbers"),
    Damage("box of texts", value(*FIRST_OBJECT, "bbox", new=["1"] * 4), "four numbers"),
    Damage("box of bools", value(*FIRST_OBJECT, "bbox", new=[True] * 4), "four numbers"),
    Damage("box a map", value(*FIRST_OBJECT, "bbox", new={"x": 1}), "must be four numbers"),
    Damage("negative", value(*FIRST_OBJECT, "bbox", new=[9, 9, -4, 5]), "negative width"),
    Damage("outside", value(*FIRST_OBJECT, "bbox", new=[60, 0, 5, 5]), "outside the image"),
    Damage("far", value(*FIRST_OBJECT, "bbox", new=[0, 0, 1e40, 1]), "must be four numbers"),
    Damage("area", value(*FIRST_OBJECT, "area", new=-1), '"area" .* must be a number from 0'),
    Damage("crowd", value(*FIRST_OBJECT, "iscrowd", new=2), '"iscrowd" .* from 0 to 1, but'),
    Damage("bool", value(*FIRST_OBJECT, "iscrowd", new=False), "0 to 1, but is False"),
]


def test_what_is_damaged_here_is_whole_before(
    file: Path,
    tmp_path: Path,
    read_all: Callable[[Path, DatasetFormat], int],
    check_all: Callable[[Path, DatasetFormat], list[Problem]],
) -> None:
    assert file.read_text() == WHOLE
    assert read_all(tmp_path, "coco") == 2
    assert check_all(tmp_path, "coco") == []


@pytest.mark.parametrize("damage", CORPUS, ids=[damage.name for damage in CORPUS])
def test_damage_is_refused_by_the_reader_and_found_by_the_checker(
    file: Path,
    tmp_path: Path,
    damage: Damage,
    message_of_damage: Callable[[Path, DatasetFormat], str],
) -> None:
    damage.change(file)
    message = message_of_damage(tmp_path, "coco")
    assert message.startswith(f"{file}: ")
    assert re.search(damage.message, message)


def test_only_what_is_wrong_is_left_out(file: Path, tmp_path: Path) -> None:
    value(*FIRST_OBJECT, "bbox", new=None)(file)
    problems: list[Problem] = []
    dataset = open_dataset(tmp_path, "train", "coco", problems.append)
    assert len(problems) == 1
    assert dataset[0].boxes_xyxy.tolist() == [[0, 0, 60, 40]]


PLACES = [
    (key, index, name)
    for key, entries in DOCUMENT.items()
    for index, entry in enumerate(entries)
    for name in entry
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
CORNERS = st.integers(-99, 99) | st.floats(-99, 99)


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), max_size=2),
    st.lists(CORNERS, min_size=4, max_size=4),
)
def test_whatever_stands_there_reader_and_checker_agree(
    tmp_path_factory: pytest.TempPathFactory,
    message_of_damage: Callable[[Path, DatasetFormat], str],
    check_all: Callable[[Path, DatasetFormat], list[Problem]],
    changes: list[tuple[tuple[str, int, str], object]],
    box: list[float],
) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "annotations").mkdir()
    (root / "train").mkdir()
    document = deepcopy(DOCUMENT)
    document["annotations"][1]["bbox"] = box
    for (key, index, name), new in changes:
        document[key][index][name] = new
    (root / "annotations/instances_train.json").write_text(json.dumps(document))
    try:
        annotations = list(open_dataset(root, "train", "coco"))
    except DatasetError:
        message_of_damage(root, "coco")
    else:
        assert len(annotations) == 2
        found = [p.what for p in check_all(root, "coco") if "missing, but" not in p.what]
        allowed = ("objects of class", "leaves the image")  # twice the same box; read as it stands
        assert all(any(words in what for words in allowed) for what in found)
