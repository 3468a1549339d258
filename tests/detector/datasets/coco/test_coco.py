from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.classes import ObjectClass
from detector.datasets import Coco, DatasetError
from detector.datasets.coco import index as coco_index
from detector.datasets.coco.file import parse_coco
from detector.datasets.coco.index import CocoIndex, cached_index
from detector.datasets.problems import Problem

CAR, DOG = "n02958343", "n02084071"
CATEGORIES = [{"id": 3, "name": "car"}, {"id": 1000, "name": "wood screw"}]


def image(number: int, file_name: str) -> dict[str, Any]:
    return {"id": number, "file_name": file_name, "height": 40, "width": 60, "license": 1}


def an_object(number: int, image: int, *box: float, category: int = 3, **rest: Any) -> dict:
    return {"id": number, "image_id": image, "category_id": category, "bbox": list(box), **rest}


def tree(
    root: Path,
    images: list[dict[str, Any]],
    objects: list[dict[str, Any]],
    categories: list[dict[str, Any]] | None = None,
    spaces: int = 0,
) -> Path:
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "val").mkdir(exist_ok=True)
    document = {
        "info": {"year": 2017},
        "images": images,
        "annotations": objects,
        "categories": CATEGORIES if categories is None else categories,
    }
    path = root / "annotations/instances_val.json"
    path.write_text(json.dumps(document) + " " * spaces, encoding="utf-8")
    return root


def test_a_file_without_anything_is_an_empty_data_set(tmp_path: Path) -> None:
    dataset = Coco(tree(tmp_path, [], [], []), "val")
    assert list(dataset) == []
    assert dataset.classes == ()


def test_images_keep_their_order_and_their_numbers(tmp_path: Path) -> None:
    images = [image(9, "b.jpg"), image(2, "sub/000002.png"), image(5, "c.d.JPG")]
    objects = [
        an_object(1, 2, 1, 2, 3.5, 4),
        an_object(2, 9, 0, 0, 60, 40, category=1000, iscrowd=1, area=12.5),
        an_object(3, 2, 5, 5, 1, 1, iscrowd=0, segmentation=[[5, 5, 6, 5, 6, 6]]),
    ]
    dataset = Coco(tree(tmp_path, images, objects), "val")
    assert dataset.image_ids == ("b", "sub/000002", "c.d")
    assert dataset.image_numbers == (9, 2, 5)
    first, second, third = dataset
    assert first.class_keys == ("wood screw",)
    assert (first.crowd, first.areas, first.difficult) == ((True,), (12.5,), (False,))
    assert second.boxes_xyxy.tolist() == [[1, 2, 4.5, 6], [5, 5, 6, 6]]
    assert (second.crowd, second.areas) == ((False, False), (14, 1))
    assert second.image_path == tmp_path / "val/sub/000002.png"
    assert second.image_size == (40, 60)
    assert third.boxes_xyxy.shape == (0, 4)
    assert dataset.read("b").class_keys == first.class_keys


def test_classes_are_the_files_own_and_ilsvrcs_where_they_are_the_same(tmp_path: Path) -> None:
    categories = [*CATEGORIES, {"id": 7, "name": "hound", "wnid": DOG}, {"id": 8, "name": "truck"}]
    dataset = Coco(tree(tmp_path, [], [], categories), "val")
    assert dataset.classes == (
        ObjectClass(3, CAR, "car"),
        ObjectClass(1000, "", "wood screw"),
        ObjectClass(7, DOG, "hound"),
        ObjectClass(8, "", "truck"),
    )


@pytest.mark.parametrize(
    ("box", "read"),
    [
        ((50, 30, 10.5, 99), [50, 30, 60.5, 129]),
        ((-2, -3, 5, 5), [-2, -3, 3, 2]),
        ((5, 5, 0, 3), [5, 5, 5, 8]),
        ((60, 40, 0, 0), [60, 40, 60, 40]),
    ],
)
def test_boxes_that_leave_their_image_stay_as_they_stand(
    tmp_path: Path, box: tuple[float, ...], read: list[float]
) -> None:
    dataset = Coco(tree(tmp_path, [image(1, "a.jpg")], [an_object(1, 1, *box)]), "val")
    assert dataset[0].boxes_xyxy.tolist() == [read]


@pytest.mark.parametrize(
    "box",
    [(60, 0, 1, 1), (0, 40, 1, 1), (-1, 0, 1, 1), (61, 0, 0, 1), (0, -1, 3, 0), (-2, 0, 1, 0)],
)
def test_boxes_outside_are_refused(tmp_path: Path, box: tuple[float, ...]) -> None:
    tree(tmp_path, [image(1, "a.jpg")], [an_object(1, 1, *box)])
    with pytest.raises(DatasetError, match="outside the image of 60 x 40 pixels"):
        Coco(tmp_path, "val")


def test_test_images_have_no_annotations(tmp_path: Path) -> None:
    tree(tmp_path, [image(4, "a.jpg")], [])
    labelled = tmp_path / "annotations/instances_val.json"
    document = json.loads(labelled.read_text())
    del document["annotations"]
    labelled.unlink()
    (tmp_path / "annotations/image_info_val.json").write_text(json.dumps(document))
    dataset = Coco(tmp_path, "val")
    assert (dataset.labelled, dataset.image_numbers) == (False, (4,))
    assert dataset.image_path("a") == tmp_path / "val/a.jpg"
    with pytest.raises(DatasetError, match="has pictures only"):
        dataset[0]


def test_a_missing_root_split_or_folder_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="annotations: no such folder: give the root"):
        Coco(tmp_path, "val")
    tree(tmp_path, [], [])
    with pytest.raises(DatasetError, match=r"instances_train\.json: no such list; .* holds val: "):
        Coco(tmp_path, "train")
    with pytest.raises(DatasetError, match="no such list"):
        Coco(tmp_path, "../val")
    (tmp_path / "val").rmdir()
    with pytest.raises(DatasetError, match=r"val: no such folder; .* holds annotations: put the"):
        Coco(tmp_path, "val")


@pytest.fixture
def parsed(tmp_path: Path) -> Path:
    """Return a file that is worth an index."""
    images = [image(2, "b.jpg"), image(1, "a.jpg"), image(3, "c.jpg")]
    objects = [
        an_object(1, 1, 1, 2, 3, 4, iscrowd=1),
        an_object(2, 2, 1, 2, 3.3, 4, category=1000),
        an_object(3, 1, 0, 0, 7, 7),
    ]
    tree(tmp_path, images, objects, spaces=coco_index.WORTH_BYTES)
    return tmp_path / "annotations/instances_val.json"


def same(one: CocoIndex, other: CocoIndex) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in vars(one)]
    return all(
        np.array_equal(a, b) and a.dtype == b.dtype if isinstance(a, np.ndarray) else a == b
        for a, b in pairs
    )


def never() -> CocoIndex:
    raise AssertionError("the file is parsed again")


def test_a_large_file_is_parsed_once(parsed: Path, tmp_path: Path) -> None:
    index = cached_index(parsed, lambda: parse_coco(parsed), tmp_path / "cache")
    assert same(cached_index(parsed, never, tmp_path / "cache"), index)
    assert [path.suffixes for path in (tmp_path / "cache").iterdir()] == [[".coco", ".npz"]]


@pytest.mark.usefixtures("parsed")
def test_the_users_cache_serves_the_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = [(a.image_id, a.class_keys, a.boxes_xyxy.tolist()) for a in Coco(tmp_path, "val")]
    monkeypatch.setattr("detector.datasets.coco.tree.parse_coco", never)
    again = [(a.image_id, a.class_keys, a.boxes_xyxy.tolist()) for a in Coco(tmp_path, "val")]
    assert again == first
    assert len(first[1][1]) == 2


def test_a_checker_parses_anew(
    parsed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    problems: list[Problem] = []
    assert parsed.stat().st_size > coco_index.WORTH_BYTES
    assert len(Coco(tmp_path, "val", problems.append)) == 3
    assert not (tmp_path / "cache").exists()


def test_small_files_are_not_kept(tmp_path: Path) -> None:
    path = tree(tmp_path, [], []) / "annotations/instances_val.json"
    cached_index(path, lambda: parse_coco(path), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("change", ["size", "time", "version"])
def test_a_changed_file_is_parsed_again(
    parsed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    cache = tmp_path / "cache"
    cached_index(parsed, lambda: parse_coco(parsed), cache)
    if change == "size":
        times = parsed.stat().st_atime_ns, parsed.stat().st_mtime_ns
        parsed.write_text(parsed.read_text() + " ")
        os.utime(parsed, ns=times)
    elif change == "time":
        os.utime(parsed, ns=(0, 1_000_000_000))
    else:
        monkeypatch.setattr(coco_index, "_VERSION", 99)
    with pytest.raises(AssertionError, match="parsed again"):
        cached_index(parsed, never, cache)
    cached_index(parsed, lambda: parse_coco(parsed), cache)
    cached_index(parsed, never, cache)
    assert len(list(cache.iterdir())) == 1  # the old one is gone


@settings(max_examples=60)
@given(start=st.floats(0, 1), patch=st.binary(max_size=30), cut=st.booleans())
def test_a_damaged_index_is_made_anew(
    tmp_path_factory: pytest.TempPathFactory, start: float, patch: bytes, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = tree(folder, [image(1, "a.jpg")], [an_object(1, 1, 1, 2, 3, 4)], spaces=1 << 20)
    path = path / "annotations/instances_val.json"
    whole = cached_index(path, lambda: parse_coco(path), folder / "cache")
    (kept,) = (folder / "cache").iterdir()
    content = kept.read_bytes()
    at = int(start * len(content))
    kept.write_bytes(content[:at] + patch + (b"" if cut else content[at + len(patch) :]))
    assert same(cached_index(path, lambda: parse_coco(path), folder / "cache"), whole)


def test_a_pickle_in_the_cache_is_not_opened(parsed: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    whole = cached_index(parsed, lambda: parse_coco(parsed), cache)
    (kept,) = cache.iterdir()
    arrays = dict(np.load(kept))
    with kept.open("wb") as file:
        np.savez(file, **(arrays | {"file_names": np.array([{}, "b.jpg"], object)}))
    assert same(cached_index(parsed, lambda: parse_coco(parsed), cache), whole)


def test_a_cache_that_cannot_be_written_is_done_without(parsed: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    for _ in range(2):
        assert len(cached_index(parsed, lambda: parse_coco(parsed), tmp_path / "cache").starts) == 4


def test_damage_is_not_kept(parsed: Path, tmp_path: Path) -> None:
    parsed.write_text(parsed.read_text().replace('"height": 40', '"height": 1'))
    for _ in range(2):
        with pytest.raises(DatasetError, match="outside the image"):
            cached_index(parsed, lambda: parse_coco(parsed), tmp_path / "cache")
