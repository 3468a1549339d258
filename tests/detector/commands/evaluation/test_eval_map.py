from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detector.classes import select_classes
from detector.datasets.folds import fold_of
from detector.detections.coco_json import write_coco_json
from detector.detections.results import Detections

Table = Callable[[subprocess.CompletedProcess[str]], dict[str, list[str]]]
Tool = Callable[..., subprocess.CompletedProcess[str]]
CAR, DOG = select_classes(["car", "dog"])

# Image 10 holds a car and a dog, image 20 a car, image 30 nothing.
OBJECTS = {
    "a": [(CAR.wnid, (0, 0, 49, 49)), (DOG.wnid, (50, 50, 99, 99))],
    "b": [(CAR.wnid, (0, 0, 49, 49))],
    "c": [],
}
# One of two cars; the dog only after a false alarm.
PREDICTIONS = """\
10 37 0.9 0 0 49 49
30 58 0.8 0 0 49 49
a 58 0.7 50 50 99 99
20 124 0.6 0 0 49 49
"""
BLACKLIST = "b n02958343\n30 n02084071\n"


SPLIT = ("--root", "tree", "--split", "val")
SCORE = (*SPLIT, "--predictions", "theirs.txt")


@pytest.fixture
def run_here(folder: Path, in_process: Callable[[str, Path], Tool]) -> Tool:
    return in_process("eval-map", folder)


@pytest.fixture
def folder(tmp_path: Path, write_split: Callable[..., None]) -> Path:
    """Return a folder with a tree of three images, of which b is broken, and predictions."""
    write_split(tmp_path / "tree", OBJECTS)
    (tmp_path / "tree/Data/DET/val/b.JPEG").write_text("no picture")
    (tmp_path / "theirs.txt").write_text(PREDICTIONS)
    (tmp_path / "black.txt").write_text(BLACKLIST)
    return tmp_path


def test_a_file_is_scored_in_the_classes_that_have_objects(
    eval_map: Tool, folder: Path, table: Table
) -> None:
    run = eval_map(folder, *SCORE)
    assert run.returncode == 0
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[0] == "3 of 3 images; 200 classes of the data set; rules of ilsvrc"
    assert table(run) == {"37": ["car", "2", "1", "0.5000"], "58": ["dog", "1", "2", "0.5000"]}
    assert lines[-4:-2] == [
        "no objects, hence no AP: det_id 1-36, 38-57, 59-200",
        "mAP 0.5000 over 2 classes (198 without objects left out)",
    ]
    low, _, high = lines[-2].removeprefix("95 % interval ").partition(",")[0].split()
    assert 0 < float(low) < 0.2 < 0.8 < float(high) < 1
    assert lines[-2].endswith(", for the mean of sets of 3 such images")
    assert lines[-1] == (
        "warning: 2 classes have fewer than 20 objects, too few to rely on an AP: dog 1, car 2"
    )


def test_scoring_a_file_needs_no_torch_and_no_folder_of_pictures(
    eval_map: Tool, folder: Path
) -> None:
    (folder / "shadow").mkdir()
    (folder / "shadow/torch.py").write_text("raise ImportError('torch is not wanted here')")
    shutil.rmtree(folder / "tree/Data")
    assert eval_map(folder, *SCORE, path=folder / "shadow").returncode == 0


def test_a_class_without_objects_is_shown_and_left_out_of_the_mean(
    folder: Path, run_here: Tool, table: Table
) -> None:
    run = run_here(*SCORE, "--classes", "person", "n02958343", "--json", "deep/ap.json")
    assert run.returncode == 0
    assert list(table(run).items()) == [
        ("124", ["person", "0", "1", "nan"]),
        ("37", ["car", "2", "1", "0.5000"]),
    ]
    assert "\nmAP 0.5000 over 1 classes (1 without objects left out)\n" in run.stdout
    written = json.loads((folder / "deep/ap.json").read_text())
    assert (written["mAP"], written["AP"]) == (0.5, {"124": None, "37": 0.5})


def test_what_the_blacklist_names_does_not_count(run_here: Tool, table: Table) -> None:
    run = run_here(*SCORE, "--blacklist", "black.txt")
    assert table(run) == {"37": ["car", "1", "1", "1.0000"], "58": ["dog", "1", "1", "1.0000"]}


def test_folds_leave_the_images_of_others_out(run_here: Tool) -> None:
    assert fold_of("a") == fold_of("c") != fold_of("b")
    run = run_here(*SCORE, "--folds", f"{fold_of('a')}")
    assert run.returncode == 0
    assert run.stdout == run_here(*SCORE, "--every", "2").stdout  # a and c, too
    refused = run_here(*SCORE, "--folds", "ten")
    assert refused.returncode == 2
    assert "--folds: folds must be numbers and ranges from 0 to 9" in refused.stderr


def test_every_second_image_leaves_the_others_out(run_here: Tool, table: Table) -> None:
    run = run_here(*SCORE, "--every", "2")
    assert run.stdout.startswith("2 of 3 images; ")
    assert table(run) == {"37": ["car", "1", "1", "1.0000"], "58": ["dog", "1", "2", "0.5000"]}


@pytest.mark.parametrize(
    ("protocol", "mean"),
    # A small box beside its object is found by ILSVRC's rule alone.
    [("ilsvrc", "1.0000"), ("voc2007", "0.5455"), ("voc", "0.5000"), ("coco", "0.5050")],
)
def test_each_protocol_scores_by_its_own_rule(
    folder: Path, run_here: Tool, protocol: str, mean: str
) -> None:
    (folder / "tree/ImageSets/DET/val.txt").write_text("a 10\nb 20\n")
    annotation = folder / "tree/Annotations/DET/val/b.xml"
    annotation.write_text(annotation.read_text().replace(">49<", ">9<"))
    (folder / "theirs.txt").write_text("10 37 0.9 0 0 49 49\n20 37 0.8 0 0 19 19\n")
    run = run_here(*SCORE, "--classes", "car", "--protocol", protocol)
    assert run.returncode == 0
    assert run.stdout.startswith(f"2 of 2 images; 1 classes asked for; rules of {protocol}\n")
    headline = f"\nAP {mean} over 1 classes; the" if protocol == "coco" else f"\nmAP {mean} over 1"
    assert headline in run.stdout
    at_three_quarters = "\nAP75   0.75       all         100  0.5050\n"
    assert (at_three_quarters in run.stdout) == (protocol == "coco")


def test_the_interval_is_of_the_images_looked_at(run_here: Tool) -> None:
    run = run_here(*SCORE, "--classes", "car", "--every", "2")
    # Of images a and c, a holds the only car, and it is found.
    assert re.search(
        r"\n95 % interval 0\.\d+ to 1\.0000, for the mean of sets of 2 such images\n", run.stdout
    )


def test_results_of_coco_score_as_the_same_lines_do(folder: Path, run_here: Tool) -> None:
    records = []
    for line in PREDICTIONS.splitlines():
        image_id, class_id, score, x1, y1, x2, y2 = line.split()
        box = [int(x1), int(y1), int(x2) - int(x1) + 1, int(y2) - int(y1) + 1]
        number = int(image_id) if image_id.isdigit() else image_id
        records.append(
            {"image_id": number, "category_id": int(class_id), "bbox": box, "score": float(score)}
        )
    (folder / "theirs.json").write_text(json.dumps(records))
    of_lines = run_here(*SCORE)
    of_records = run_here(*SPLIT, "--predictions", "theirs.json")
    assert of_records.stdout == of_lines.stdout
    (folder / "theirs.json").write_text(json.dumps([*records, {}]))
    damaged = run_here(*SPLIT, "--predictions", "theirs.json")
    assert damaged.returncode == 2
    assert "theirs.json, record 5: must hold image_id" in damaged.stderr


def test_what_detect_writes_as_json_can_be_scored(folder: Path, run_here: Tool) -> None:
    classes, corners = (DOG, CAR), np.array([[0, 0, 50, 50], [50, 50, 100, 100]], np.float32)
    scores, size = np.array([0.9, 0.7], np.float32), (100, 100)
    of_a = Detections(corners, scores, np.array([1, 0]), classes, size)
    found = [("../any/a.JPEG", of_a), ("c.JPEG", Detections.empty(classes, size))]
    write_coco_json(folder / "found.json", found, classes)
    (folder / "theirs.txt").write_text("10 37 0.9 0 0 49 49\n10 58 0.7 50 50 99 99\n")
    of_json = run_here(*SPLIT, "--predictions", "found.json")
    assert of_json.returncode == 0, of_json.stderr
    assert of_json.stdout == run_here(*SCORE).stdout


def test_a_file_is_written_in_the_formats_of_other_programs(folder: Path, run_here: Tool) -> None:
    names = ("coco", "ilsvrc", "csv")
    targets = [word for name in names for word in ("--results", f"{name}={name}")]
    folders = ["--results", "voc=voc", "--results", "yolo=yolo"]
    run = run_here(*SCORE, *targets, *folders, "--every", "2")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("3 detections written to coco\n")
    # Images a and c: what is of b is not among them.
    assert (folder / "ilsvrc").read_text() == "".join(
        line.replace("a 58", "10 58") for line in PREDICTIONS.splitlines(keepends=True)[:3]
    )
    assert [one["image_id"] for one in json.loads((folder / "coco").read_text())] == [10, 30, 10]
    assert len((folder / "csv").read_text().splitlines()) == 4
    assert (folder / "voc/comp4_det_val_car.txt").read_text() == "a 0.9 1 1 50 50\n"
    assert (folder / "yolo/labels/c.txt").read_text().startswith("57 0.25 0.25 0.5 0.5 0.8")
    assert not (folder / "yolo/labels/b.txt").exists()
    again = run_here(*SCORE, *folders)
    assert again.returncode == 2
    assert "voc: must be a new or empty folder for results of voc" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--results", "lvis=p"], "one of coco, voc, ilsvrc, csv, yolo, but is 'lvis=p'"),
        (["--results", "coco=tree"], "tree: must be a file for results of coco, not a folder"),
        (["--root", "nowhere"], "nowhere: no such folder; give the folder of a data set"),
        (["--split", "test"], "test.txt: no such list; tree/ImageSets/DET holds val"),
        (["--predictions", "absent.txt"], "absent.txt: cannot be read"),
        (["--predictions", "black.txt"], "black.txt, line 1: must be 'image_id det_id"),
        (["--blacklist", "theirs.txt"], "theirs.txt, line 1: must be 'image_id wnid'"),
        (["--classes", "unicorn"], "'unicorn' names no class"),
        (["--protocol", "lvis"], "--protocol: invalid choice: 'lvis'"),
        (["--format", "lvis"], "--format: invalid choice: 'lvis'"),
        (["--every", "0"], "--every: must be a whole number from 1, but is '0'"),
        (["--json", "."], "--json: must be a file, but '.' is a folder"),
        (["--out", "new.txt"], "--out is for detecting: leave it out with --predictions"),
        (["--max-proposals", "5"], "--max-proposals is for detecting"),
        (["--proposals", "theirs.txt"], "--proposals is for detecting"),
        (["--weights", "w"], "--weights is for detecting"),
        (["--members", "a"], "--members is for detecting"),
        (["--exact"], "--exact is for detecting"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    run_here: Tool, arguments: list[str], message: str
) -> None:
    run = run_here(*SCORE, *arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert message in run.stderr


def test_a_damaged_annotation_ends_the_run_with_its_name(folder: Path, run_here: Tool) -> None:
    (folder / "tree/Annotations/DET/val/b.xml").write_text("<annotation>")
    run = run_here(*SCORE)
    assert run.returncode == 2
    assert "b.xml: not well-formed XML" in run.stderr


def test_no_object_in_the_images_is_refused(folder: Path, run_here: Tool) -> None:
    (folder / "tree/ImageSets/DET/val.txt").write_text("c 30\na 10\n")
    (folder / "theirs.txt").write_text("")
    run = run_here(*SCORE, "--every", "2")
    assert run.returncode == 2
    assert "nothing to score" in run.stderr


def test_where_the_blacklist_leaves_no_object_one_line_says_so(
    folder: Path, run_here: Tool
) -> None:
    listed = "a n02958343\nb n02958343\na n02084071\n"
    (folder / "black.txt").write_text(listed)
    run = run_here(*SCORE, "--blacklist", "black.txt", "--report", "report")
    assert run.returncode == 2
    assert run.stderr == (
        "error: these 3 images hold no object of the 200 classes but 3 that the rules of ilsvrc"
        " do not ask for: nothing to score; choose other classes or images\n"
    )


def test_help_shows_commands_and_the_format_of_the_file(eval_map: Tool, tmp_path: Path) -> None:
    run = eval_map(tmp_path, "--help")
    assert run.returncode == 0
    assert "inception-rcnn eval-map --root ILSVRC --split val\n" in run.stdout
    assert "image_id det_id confidence xmin ymin xmax ymax" in run.stdout


def test_a_report_of_a_file_is_written_beside_the_scores(
    folder: Path, run_here: Tool, save_proposals: Callable[..., Path]
) -> None:
    images = {image_id: ((100, 100), [[0, 0, 50, 50], [50, 50, 100, 100]]) for image_id in "abc"}
    save_proposals(folder / "val.parquet", images)
    without = run_here(*SCORE)
    run = run_here(*SCORE, "--report", "deep/report", "--proposals", "val.parquet")
    assert run.returncode == 0
    assert run.stdout == f"{without.stdout}report written to deep/report/report.html\n"
    page = (folder / "deep/report/report.html").read_text(encoding="utf-8")
    assert "inception-rcnn eval-map --root tree --split val --predictions theirs.txt" in page
    assert "0.500" in page
    assert "198 classes without objects" in page
    assert "Proposals an image" in page
    # Of the errors, that of image c, where the dog is found that is not there; image b is no
    # picture. Of the classes, that one, and what was found in a and c.
    assert page.count("<img") == 1 + 3


def test_a_report_goes_into_a_folder(run_here: Tool) -> None:
    run = run_here(*SCORE, "--report", "theirs.txt")
    assert run.returncode == 2
    assert "--report: must be a folder, but 'theirs.txt' is a file" in run.stderr


def test_a_report_of_a_file_needs_no_torch(eval_map: Tool, folder: Path) -> None:
    (folder / "shadow").mkdir()
    (folder / "shadow/torch.py").write_text("raise ImportError('torch is not wanted here')")
    run = eval_map(folder, *SCORE, "--report", "report", path=folder / "shadow")
    assert run.returncode == 0
    assert (folder / "report/report.html").is_file()
