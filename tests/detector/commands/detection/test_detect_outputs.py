from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Tool = Callable[..., subprocess.CompletedProcess[str]]
Save = Callable[..., None]


def files_below(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_every_detection_is_cut_out_of_its_own_picture(
    quick: Tool, tmp_path: Path, save_picture: Save
) -> None:
    for name in ("in/a.png", "in/below/A.png", "in/a-2.png"):
        save_picture(tmp_path / name)
    Image.new("RGB", (40, 30)).save(tmp_path / "in/none.png")
    run = quick("in", "--crops", "cut", "-t", "0.5")
    assert run.returncode == 0, run.stderr
    assert files_below(tmp_path / "cut") == [
        f"{name}-{found}.png"
        for name in ("A-3", "a", "a-2")  # a-2.png comes first, then a.png, then below/A.png
        for found in ("0001-person-0.90", "0002-dog-0.60")
    ]
    original = np.array(Image.open(tmp_path / "in/a.png"))
    for stem in ("a", "A-3"):
        crop = np.array(Image.open(tmp_path / f"cut/{stem}-0001-person-0.90.png"))
        np.testing.assert_array_equal(crop, original[1:8, 0:10])  # all pixels that it touches


def test_crops_are_not_detected_on_when_the_command_is_given_again(
    quick: Tool, tmp_path: Path, save_picture: Save
) -> None:
    save_picture(tmp_path / "a.png")
    for _ in range(2):
        run = quick(".", "--crops", "cut", "-t", "0.8", "--no-draw")
        assert run.stderr == "1 picture: 1 detection; cut out in cut\n"
    assert files_below(tmp_path) == ["a.png", "cut/a-0001-person-0.90.png"]
    pattern = quick("*/*.png", "--crops", "./cut")
    assert "*/*.png: matches no pictures" in pattern.stderr


def test_csv_has_the_numbers_of_the_json(quick: Tool, tmp_path: Path, save_picture: Save) -> None:
    save_picture(tmp_path / "in/a.png")
    save_picture(tmp_path / "in/b.png")
    run = quick("in", "-t", "0", "--csv", "found.csv", "-j", "found.json")
    assert run.returncode == 0
    document = json.loads((tmp_path / "found.json").read_text())
    images = {one["id"]: one for one in document["images"]}
    classes = {one["id"]: one for one in document["categories"]}
    rows = rows_of(tmp_path / "found.csv")
    assert len(rows) == len(document["annotations"]) == 6
    for row, one in zip(rows, document["annotations"], strict=True):
        image, named = images[one["image_id"]], classes[one["category_id"]]
        x, y, width, height = one["bbox"]
        assert row == {
            "image": image["file_name"],
            "frame": "",
            "seconds": "",
            "width": str(image["width"]),
            "height": str(image["height"]),
            "class": named["name"],
            "wnid": named["wnid"],
            "det_id": str(named["id"]),
            "score": str(one["score"]),
            "xmin": str(x),
            "ymin": str(y),
            "xmax": str(round(x + width, 3)),
            "ymax": str(round(y + height, 3)),
        }


def test_csv_and_results_are_not_written_when_the_work_is_interrupted(
    quick: Tool, stub: Any, tmp_path: Path, save_picture: Save
) -> None:
    save_picture(tmp_path / "a.png")
    save_picture(tmp_path / "b.png")
    (tmp_path / "found.csv").write_text("before")
    stub.interrupted_at = "b.png"
    run = quick("a.png", "b.png", "--csv", "found.csv", "-j", "found.json", "--no-draw")
    assert run.returncode == 130
    assert (tmp_path / "found.csv").read_text() == "before"
    document = json.loads((tmp_path / "found.json").read_text())
    assert [one["file_name"] for one in document["images"]] == ["a.png"]
    assert files_below(tmp_path) == ["a.png", "b.png", "found.csv", "found.json"]


def test_nothing_is_drawn_where_that_is_not_wanted(
    quick: Tool, tmp_path: Path, save_picture: Save
) -> None:
    save_picture(tmp_path / "a.png")
    run = quick("a.png", "--no-draw")
    assert run.returncode == 0
    assert run.stderr == "1 picture: 2 detections; no files written\n"
    assert len(run.stdout.splitlines()) == 3
    assert files_below(tmp_path) == ["a.png"]
    refused = quick("a.png", "--no-draw", "--out", "drawn")
    assert refused.returncode == 2
    assert "argument -o/--out: not allowed with argument --no-draw" in refused.stderr


@pytest.mark.parametrize(("threshold", "floor"), [("0.8", 0.01), ("0", 0)])
def test_a_high_threshold_leaves_regions_their_vote(
    quick: Tool,
    stub: Any,
    save_picture: Save,
    tmp_path: Path,
    threshold: str,
    floor: float,
) -> None:
    save_picture(tmp_path / "a.png")
    assert quick("a.png", "-t", threshold, "--no-draw").returncode == 0
    assert stub.config.min_score == floor


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["person", "dog"]),
        (["-t", "0.2"], ["person", "dog", "domestic_cat"]),
        (["-t", "dog=0.61"], ["person"]),
        (["-t", "n02121808=0.3"], ["person", "dog", "domestic_cat"]),
        (["-t", "0.7", "-t", "Domestic cat=0.25"], ["person", "domestic_cat"]),
        (["-t", "dog=1", "-t", "0", "--classes", "dog", "person"], ["person"]),
        (["-t", "0.95", "-t", "0.55"], ["person", "dog"]),
    ],
)
def test_a_class_may_have_a_threshold_of_its_own(
    quick: Tool, tmp_path: Path, save_picture: Save, words: list[str], names: list[str]
) -> None:
    save_picture(tmp_path / "a.png")
    run = quick("a.png", *words)
    assert run.returncode == 0, run.stderr
    assert [line.split()[1] for line in run.stdout.splitlines()[1:]] == names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-t", "dgo=0.5"], "--threshold: 'dgo' names no class (did you mean 'dog'?): give names"),
        (["-t", "dog=0.5", "--classes", "person"], "--threshold: 'dog' names no class"),
        (["-t", "dog=1.5"], "argument -t/--threshold: must be from 0 to 1 but got 1.5"),
        (["-t", "=0.5"], "must be a number or CLASS=NUMBER but got '=0.5'"),
        (["-t", "dog=0.5", "-t", "dog=0.6"], "'dog' has two thresholds: give each class one"),
        (["-t", "dog=0.5", "-t", "DOG=0.6"], "'DOG' names a class that was named before"),
        (["--every", "2"], "--every is for videos, and none is named"),
        (["--results", "csv=a.csv"], "must be FORMAT=PATH with one of coco, voc, yolo, but is"),
        (["--csv", "folder"], "argument --csv: must be a file, but 'folder' is a folder"),
        (["--crops", "a.png"], "argument --crops: must be a folder, but 'a.png' is a file"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    quick: Tool, tmp_path: Path, save_picture: Save, words: list[str], message: str
) -> None:
    save_picture(tmp_path / "a.png")
    (tmp_path / "folder").mkdir()
    run = quick("a.png", *words)
    assert run.returncode == 2
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert files_below(tmp_path) == ["a.png"]


class Stdin:
    """Standard input with some bytes, or a terminal where there are none to come."""

    def __init__(self, content: bytes | None) -> None:
        self.buffer = io.BytesIO(content or b"")
        self.isatty = lambda: content is None


def test_a_picture_comes_from_standard_input(
    quick: Tool, tmp_path: Path, save_picture: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_picture(tmp_path / "a.png")
    monkeypatch.setattr(sys, "stdin", Stdin((tmp_path / "a.png").read_bytes()))
    run = quick("a.png", "-", "-", "--crops", "cut", "--csv", "found.csv", "-t", "0.8")
    assert run.returncode == 0, run.stderr
    assert [line.split()[0] for line in run.stdout.splitlines()[1:]] == ["a.png", "stdin"]
    assert [row["image"] for row in rows_of(tmp_path / "found.csv")] == ["a.png", "stdin"]
    assert files_below(tmp_path / "out") == ["a.detections.jpg", "stdin.detections.jpg"]
    assert files_below(tmp_path / "cut")[1] == "stdin-0001-person-0.90.png"


def test_a_file_called_like_standard_input_is_a_file(
    quick: Tool, tmp_path: Path, save_picture: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_picture(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "-")
    monkeypatch.setattr(sys, "stdin", Stdin(None))
    assert quick("./-", "--no-draw").stdout.splitlines()[1].split()[0] == "-"
    refused = quick("-")
    assert refused.returncode == 2
    assert "but that is a terminal: pipe one in" in refused.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "error: stdin: there is no data; send a picture"),
        (b"no picture", "error: stdin: not a picture, or of none of the formats JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "error: stdin: not a picture, or"),
    ],
)
def test_standard_input_that_is_no_picture_is_a_line_and_the_rest_goes_on(
    quick: Tool,
    tmp_path: Path,
    save_picture: Save,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    message: str,
) -> None:
    save_picture(tmp_path / "a.png")
    monkeypatch.setattr(sys, "stdin", Stdin(content))
    run = quick("-", "a.png")
    assert run.returncode == 1
    _, error, end = run.stderr.splitlines()
    assert error.startswith(message)
    assert end == "1 picture (1 failed, see above): 2 detections; drawn in out"


def test_endless_standard_input_is_refused(quick: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.commands.detection.sources._STDIN_BYTES", 1 << 20)
    monkeypatch.setattr(sys, "stdin", Stdin(bytes((1 << 20) + 1)))
    run = quick("-")
    assert run.returncode == 2
    assert "stdin: more than 1 MiB; save it as a file, and name that" in run.stderr


def test_long_and_odd_names_are_cut_so_that_copies_can_be_written(
    quick: Tool, tmp_path: Path, save_picture: Save
) -> None:
    names = ["ä" * 110 + "x.png", "ä" * 110 + "y.png"]
    for name in names:
        save_picture(tmp_path / "in" / name)
    run = quick("in", "--crops", "cut", "-t", "0.8")
    assert run.returncode == 0, run.stderr
    stem = "ä" * 50
    assert files_below(tmp_path / "out") == [
        f"{stem}-2.detections.jpg",
        f"{stem}.detections.jpg",
    ]
    assert len(files_below(tmp_path / "cut")) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="file names are any bytes on Linux only")
def test_names_that_are_no_text_are_shown_and_written_somehow(
    quick: Tool, tmp_path: Path, save_picture: Save
) -> None:
    save_picture(tmp_path / "in/a.png")
    folder = str(tmp_path / "in").encode()
    (tmp_path / "in/a.png").rename(
        Path((folder + b"/=\xff\x1b[31m.png").decode(errors="surrogateescape"))
    )
    run = quick("in", "--csv", "found.csv", "--crops", "cut")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[1].startswith("=??[31m.png")
    assert rows_of(tmp_path / "found.csv")[0]["image"] == "in/=\\udcff\x1b[31m.png"
