from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from detector.classes import ilsvrc_classes, voc_classes
from detector.datasets import open_dataset

Tool = Callable[..., subprocess.CompletedProcess[str]]

OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>1</xmin><ymin>2</ymin>"
    "<xmax>30</xmax><ymax>20</ymax></bndbox></object>"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a VOC tree of two images, whose JPEG is a PNG in one."""
    for name in ("ImageSets/Main", "Annotations", "JPEGImages"):
        (tmp_path / "voc" / name).mkdir(parents=True)
    (tmp_path / "voc/ImageSets/Main/val.txt").write_text("a\nb\n")
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "voc/JPEGImages/a.jpg")
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "voc/JPEGImages/b.jpg", format="PNG")
    size = "<size><width>60</width><height>40</height></size>"
    objects = {
        "a": OBJECT.format("dog", 0) + OBJECT.format("bottle", 0),
        "b": OBJECT.format("car", 1) + OBJECT.format("screw", 0),
    }
    for name, content in objects.items():
        path = tmp_path / f"voc/Annotations/{name}.xml"
        path.write_text(f"<annotation>{size}{content}</annotation>")
    return tmp_path


VOC = ("--root", "voc", "--split", "val")


def test_voc_becomes_a_tree_of_ilsvrc_and_all_that_is_lost_is_said(
    convert_dataset: Tool, folder: Path
) -> None:
    ended = convert_dataset(folder, *VOC, "--to", "ilsvrc", "--out", "tree")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "tree/ImageSets/DET/val.txt: 2 images, 2 objects",
        "1 pictures were no JPEG: encoded anew, at quality 95",
        f"{_renumbered()} classes have other numbers there, which prediction files must have",
        "1 objects are marked as difficult: written like others",
        "2 objects are of classes without a place: bottle 1, screw 1",
        "never carried over: pose, truncated, occluded, parts, segmentations, lists of classes",
    ]
    found = open_dataset(folder / "tree", "val", "ilsvrc")
    assert [one.class_keys for one in found] == [("n02084071",), ("n02958343",)]
    assert found[0].boxes_xyxy.tolist() == [[0, 1, 30, 20]]
    assert found[0].image_path.samefile(folder / "voc/JPEGImages/a.jpg")
    again = convert_dataset(folder, *VOC, "--to", "ilsvrc", "--out", "tree")
    assert again.returncode == 2
    assert again.stderr.startswith("error: tree/ImageSets/DET/val.txt: the split is there already")


def _renumbered() -> int:
    number_of = {one.key: one.id for one in ilsvrc_classes()}
    return sum(number_of.get(one.key, one.id) != one.id for one in voc_classes())


def test_classes_and_marks_are_chosen(convert_dataset: Tool, folder: Path) -> None:
    ended = convert_dataset(
        folder, *VOC, "--to", "coco", "--out", "coco", "--copy",
        "--classes", "car", "bottle", "--leave-out", "difficult",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    document = json.loads((folder / "coco/annotations/instances_val.json").read_text())
    assert [one["name"] for one in document["categories"]] == ["car", "bottle"]
    assert len(document["annotations"]) == 1
    assert "1 objects are of classes without a place: screw 1" in ended.stdout
    assert not (folder / "coco/val/a.jpg").samefile(folder / "voc/JPEGImages/a.jpg")


def test_what_is_damaged_is_skipped_and_reported(convert_dataset: Tool, folder: Path) -> None:
    (folder / "voc/Annotations/a.xml").write_text("<annotation>")
    ended = convert_dataset(folder, *VOC, "--to", "ilsvrc", "--out", "tree")
    assert ended.returncode == 1
    first, second = ended.stderr.splitlines()
    assert first == "skipped 1 images or objects:"
    assert "a.xml: not well-formed XML" in second
    assert (folder / "tree/ImageSets/DET/val.txt").read_text() == "b 2\n"


def test_objects_that_cocos_file_has_wrong_are_reported(
    convert_dataset: Tool, folder: Path
) -> None:
    convert_dataset(folder, *VOC, "--to", "coco", "--out", "coco")
    path = folder / "coco/annotations/instances_val.json"
    document = json.loads(path.read_text())
    document["annotations"][0]["bbox"] = [1, 2, -3, 4]
    path.write_text(json.dumps(document))
    ended = convert_dataset(
        folder, "--root", "coco", "--from", "coco", "--split", "val", "--to", "voc", "--out", "new"
    )
    assert ended.returncode == 1
    assert '"bbox" of annotations[0]' in ended.stderr
    assert "2 images, 2 objects" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*VOC, "--to", "ilsvrc"], "--out"),
        ([*VOC, "--to", "yolo", "--out", "x"], "invalid choice: 'yolo'"),
        ([*VOC, "--to", "ilsvrc", "--out", "x", "--classes", "unicorn"], "names no class"),
        ([*VOC, "--to", "ilsvrc", "--out", "x", "--classes", "bottle"], "has a place for none"),
        ([*VOC[:-1], "none", "--to", "ilsvrc", "--out", "x"], "none.txt: no such list"),
        (["--root", "x", *VOC[2:], "--to", "coco", "--out", "y"], "no such folder"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    convert_dataset: Tool, folder: Path, arguments: list[str], message: str
) -> None:
    refused = convert_dataset(folder, *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (folder / "x").exists()


def test_help_teaches(convert_dataset: Tool, folder: Path) -> None:
    result = convert_dataset(folder, "--help")
    assert result.returncode == 0
    assert "--root VOCdevkit/VOC2007 --split trainval" in result.stdout
