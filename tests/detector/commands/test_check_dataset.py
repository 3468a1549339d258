from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, in_process: Callable[[str, Path], Tool]) -> Tool:
    return in_process("check-dataset", tmp_path)


def an_object(name: str, *, difficult: int = 0, xmax: int = 30) -> str:
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>1</xmin>"
        f"<ymin>2</ymin><xmax>{xmax}</xmax><ymax>20</ymax></bndbox></object>"
    )


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Return a tree of two whole images in VOC's layout."""
    root = tmp_path / "VOC"
    for folder in ("ImageSets/Main", "Annotations", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    (root / "ImageSets/Main/val.txt").write_text("a\nb\n")
    objects = {"a": an_object("car") + an_object("dog", difficult=1), "b": an_object("car")}
    for name, content in objects.items():
        size = "<size><width>60</width><height>40</height></size>"
        (root / f"Annotations/{name}.xml").write_text(f"<annotation>{size}{content}</annotation>")
        Image.new("RGB", (60, 40)).save(root / f"JPEGImages/{name}.jpg")
    return root


VOC = ("--root", "VOC", "--split", "val")


@pytest.mark.usefixtures("voc")
def test_a_clean_tree_is_counted(run: Tool) -> None:
    result = run(*VOC, "--pictures")
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        (
            "note: VOC/ImageSets/Main/val.txt: holds no object of 18 of 20 classes"
            " (aeroplane, bicycle, bird, boat, bottle, ...)"
        ),
        "class  objects  images",
        "car          2       2",
        "dog          1       1",
        "2 of 2 images read; 3 objects of 2 classes, 1 difficult, 0 crowds",
        "0 problems, 1 notes",
    ]


def test_all_problems_are_told_and_written(voc: Path, run: Tool) -> None:
    (voc / "ImageSets/Main/val.txt").write_text("a\nb\n../c\n")
    path = voc / "Annotations/a.xml"
    path.write_text(path.read_text().replace("dog", "wombat").replace("<xmin>1", "<xmin>one", 1))
    Image.new("RGB", (60, 41)).save(voc / "JPEGImages/b.jpg")
    result = run(*VOC, "--pictures", "--json", "found.json")
    assert result.returncode == 1
    problems = [line for line in result.stdout.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 4
    for line, start in zip(
        problems,
        [
            "VOC/ImageSets/Main/val.txt, line 3: '../c' leads out of the tree",
            "VOC/Annotations/a.xml: <xmin> of object 1 must be a number, but is 'one'",
            "VOC/JPEGImages/b.jpg: is 60 x 41 pixels, but its annotation says 60 x 40",
            "VOC/Annotations/a.xml: class 'wombat' is none of the data set's: 1 objects in 1 ima",
        ],
        strict=True,
    ):
        assert line.startswith(f"problem: {start}")
    found = json.loads(Path("found.json").read_text())
    assert found["problems"][0] == {
        "file": "VOC/ImageSets/Main/val.txt",
        "line": 3,
        "what": "'../c' leads out of the tree: give the image's name",
    }
    assert len(found["problems"]) == 4
    assert (found["images"], found["annotated"], found["objects"]) == (2, 2, 2)
    assert found["classes"] == [
        {"key": "n02958343", "name": "car", "objects": 1, "images": 1},
        {"key": "wombat", "name": "wombat", "objects": 1, "images": 1},
    ]
    assert "n02084071" in found["classes_without_objects"]
    assert [note["file"] for note in found["notes"]] == ["VOC/ImageSets/Main/val.txt"]


@pytest.mark.usefixtures("voc")
def test_the_folder_may_be_named_without_its_flag_and_the_format_given(run: Tool) -> None:
    assert run("VOC", *VOC[2:], "--format", "voc").stdout == run(*VOC).stdout


def test_pictures_are_left_alone_unless_asked_for(voc: Path, run: Tool) -> None:
    (voc / "JPEGImages/b.jpg").write_text("not a picture")
    assert run(*VOC).returncode == 0
    assert run(*VOC, "--pictures").returncode == 1


def test_without_annotations_it_says_so(voc: Path, run: Tool) -> None:
    for path in (voc / "Annotations").iterdir():
        path.unlink()
    (voc / "Annotations").rmdir()
    result = run(*VOC)
    assert (result.returncode, result.stdout) == (
        0,
        "2 images, without annotations: for detection only\n",
    )


@pytest.mark.usefixtures("voc")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("VOC", "--split", "train"), "train.txt: no such list; VOC/ImageSets"),
        ((*VOC, "--format", "ilsvrc"), "VOC/ImageSets/DET: no such folder: give the root"),
        ((*VOC, "--format", "yolo"), "invalid choice: 'yolo', choose from ilsvrc, voc, coco"),
        (("VOC",), "required: --split"),
        (("--split", "val"), "name the data set's folder once"),
        (("VOC", *VOC), "name the data set's folder once"),
        (("--root", "gone", "--split", "val"), "gone: no such folder; give the folder of a data"),
        ((*VOC, "--json", "VOC"), "must be a file, but 'VOC' is a folder"),
        ((*VOC, "--json", "VOC/ImageSets/Main/val.txt/x"), "File exists: .VOC/ImageSets/Main/v"),
    ],
)
def test_what_cannot_be_used_ends_in_one_line(
    run: Tool, arguments: tuple[str, ...], message: str
) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert re.search(message, result.stderr)
    assert len(result.stderr.splitlines()) == 1
