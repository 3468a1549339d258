from __future__ import annotations

from pathlib import Path

import pytest

from detector.datasets import DATASET_FORMATS, DatasetError, detect_format

MARKS = {
    "ilsvrc": "ImageSets/DET/val.txt",
    "voc": "ImageSets/Main/val.txt",
    "coco": "annotations/instances_val.json",
}


def put(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).touch()


@pytest.mark.parametrize("name", DATASET_FORMATS)
def test_a_tree_is_known_by_what_it_holds(name: str, tmp_path: Path) -> None:
    put(tmp_path, MARKS[name])
    put(tmp_path, "Annotations/a.xml")  # which says nothing: two formats have it
    assert detect_format(tmp_path) == detect_format(str(tmp_path)) == name


def test_a_tree_of_no_format_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    put(tmp_path, "annotations/readme.txt")
    put(tmp_path, "ImageSets/Layout/val.txt")
    with pytest.raises(DatasetError) as raised:
        detect_format(tmp_path)
    assert str(raised.value).startswith(
        f"{tmp_path}: holds none of ImageSets/DET (ilsvrc), ImageSets/Main (voc),"
        " annotations/*.json (coco): give"
    )


def test_a_tree_of_several_formats_is_refused_with_what_was_found(tmp_path: Path) -> None:
    put(tmp_path, MARKS["voc"])
    put(tmp_path, MARKS["coco"])
    with pytest.raises(DatasetError) as raised:
        detect_format(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}: holds ImageSets/Main (voc) and annotations/*.json (coco): say by the format"
        " which of them is meant"
    )


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="gone: no such folder"):
        detect_format(tmp_path / "gone")
