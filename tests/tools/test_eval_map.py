from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest.mock import Mock, create_autospec

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from detector.classes import ObjectClass, select_classes
from detector.config import Execution
from detector.datasets import ImageAnnotation
from detector.rcnn import Detector, Outcome, Task
from detector.results import Detections
from proposals import ImageError, ProposalFileError

Tool = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]
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


class Run(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Run the tool in this process, which is quicker than as a user does."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    monkeypatch.chdir(folder)
    main = importlib.import_module("eval_map").main

    def run(*arguments: str | Path) -> Run:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        return Run(code, *capsys.readouterr())

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a tree of three images, of which b is broken, and predictions."""
    for name in ("ImageSets/DET", "Annotations/DET/val", "Data/DET/val"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    (tmp_path / "tree/ImageSets/DET/val.txt").write_text("a 10\nb 20\nc 30\n")
    picture = Image.fromarray(data.chelsea()).resize((100, 100))
    for image_id, objects in OBJECTS.items():
        content = "<annotation><size><width>100</width><height>100</height></size>"
        for wnid, (xmin, ymin, xmax, ymax) in objects:
            content += (
                f"<object><name>{wnid}</name><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>"
                f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
            )
        annotation = tmp_path / f"tree/Annotations/DET/val/{image_id}.xml"
        annotation.write_text(content + "</annotation>")
        picture.save(tmp_path / f"tree/Data/DET/val/{image_id}.JPEG")
    (tmp_path / "tree/Data/DET/val/b.JPEG").write_text("no picture")
    (tmp_path / "theirs.txt").write_text(PREDICTIONS)
    (tmp_path / "black.txt").write_text(BLACKLIST)
    return tmp_path


def table(run: subprocess.CompletedProcess[str] | Run) -> dict[str, list[str]]:
    """Return name, objects, detections and AP of each row, by det_id."""
    rows = [line.split() for line in run.stdout.splitlines()]
    start = rows.index(["det_id", "wnid", "name", "objects", "detections", "AP"]) + 1
    return {row[0]: row[2:] for row in rows[start:] if len(row) == 6}


def test_a_file_is_scored_in_the_classes_that_have_objects(eval_map: Tool, folder: Path) -> None:
    run = eval_map(folder, *SCORE)
    assert run.returncode == 0
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[0] == "3 of 3 images; 200 classes of the data set; rules of ilsvrc"
    assert table(run) == {"37": ["car", "2", "1", "0.5000"], "58": ["dog", "1", "2", "0.5000"]}
    assert lines[-3:-1] == [
        "no objects, hence no AP: det_id 1-36, 38-57, 59-200",
        "mAP 0.5000 over 2 classes (198 without objects left out)",
    ]
    # Images drawn hold one, two or no cars, and the dog or not.
    assert lines[-1].startswith("95 % interval 0.0000 to 1.0000, from 1000 draws")


def test_scoring_a_file_needs_no_torch_and_no_picture(eval_map: Tool, folder: Path) -> None:
    (folder / "shadow").mkdir()
    (folder / "shadow/torch.py").write_text("raise ImportError('torch is not wanted here')")
    for picture in (folder / "tree/Data/DET/val").iterdir():
        picture.unlink()
    assert eval_map(folder, *SCORE, path=folder / "shadow").returncode == 0


def test_a_class_without_objects_is_shown_and_left_out_of_the_mean(
    folder: Path, run_here: Callable[..., Run]
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


def test_what_the_blacklist_names_does_not_count(run_here: Callable[..., Run]) -> None:
    run = run_here(*SCORE, "--blacklist", "black.txt")
    assert table(run) == {"37": ["car", "1", "1", "1.0000"], "58": ["dog", "1", "1", "1.0000"]}


def test_every_second_image_leaves_the_others_out(run_here: Callable[..., Run]) -> None:
    run = run_here(*SCORE, "--every", "2")
    assert run.stdout.startswith("2 of 3 images; ")
    assert table(run) == {"37": ["car", "1", "1", "1.0000"], "58": ["dog", "1", "2", "0.5000"]}


@pytest.mark.parametrize(
    ("protocol", "mean"),
    # A small box beside its object is found by ILSVRC's rule alone.
    [("ilsvrc", "1.0000"), ("voc2007", "0.5455"), ("voc", "0.5000"), ("coco", "0.5050")],
)
def test_each_protocol_scores_by_its_own_rule(
    folder: Path, run_here: Callable[..., Run], protocol: str, mean: str
) -> None:
    (folder / "tree/ImageSets/DET/val.txt").write_text("a 10\nb 20\n")
    annotation = folder / "tree/Annotations/DET/val/b.xml"
    annotation.write_text(annotation.read_text().replace(">49<", ">9<"))
    (folder / "theirs.txt").write_text("10 37 0.9 0 0 49 49\n20 37 0.8 0 0 19 19\n")
    run = run_here(*SCORE, "--classes", "car", "--protocol", protocol, "--resamples", "0")
    assert run.returncode == 0
    assert run.stdout.startswith(f"2 of 2 images; 1 classes asked for; rules of {protocol}\n")
    assert f"\nmAP {mean} over 1 classes\n" in run.stdout
    assert "interval" not in run.stdout
    other_ious = "That is at an IoU of 0.5; at 0.75 it is 0.5050, over 0.50 to 0.95 0.5050"
    assert (other_ious in run.stdout) == (protocol == "coco")


def test_the_interval_is_of_the_images_looked_at(run_here: Callable[..., Run]) -> None:
    run = run_here(*SCORE, "--classes", "car", "--every", "2", "--resamples", "50")
    # Of images a and c, a holds the only car, and it is found.
    assert "\n95 % interval 1.0000 to 1.0000, from 50 draws of as many images\n" in run.stdout


def test_results_of_coco_score_as_the_same_lines_do(
    folder: Path, run_here: Callable[..., Run]
) -> None:
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--root", "nowhere"], "nowhere/ImageSets/DET: no such folder"),
        (["--split", "test"], "test.txt: no such list; tree/ImageSets/DET holds val"),
        (["--predictions", "absent.txt"], "absent.txt: cannot be read"),
        (["--predictions", "black.txt"], "black.txt, line 1: must be 'image_id det_id"),
        (["--blacklist", "theirs.txt"], "theirs.txt, line 1: must be 'image_id wnid'"),
        (["--classes", "unicorn"], "'unicorn' names no class"),
        (["--resamples", "-1"], "--resamples: must be a whole number from 0, but is '-1'"),
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
    run_here: Callable[..., Run], arguments: list[str], message: str
) -> None:
    run = run_here(*SCORE, *arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert message in run.stderr


def test_a_damaged_annotation_ends_the_run_with_its_name(
    folder: Path, run_here: Callable[..., Run]
) -> None:
    (folder / "tree/Annotations/DET/val/b.xml").write_text("<annotation>")
    run = run_here(*SCORE)
    assert run.returncode == 2
    assert "b.xml: not well-formed XML" in run.stderr


def test_no_object_in_the_images_is_refused(folder: Path, run_here: Callable[..., Run]) -> None:
    (folder / "tree/ImageSets/DET/val.txt").write_text("c 30\na 10\n")
    (folder / "theirs.txt").write_text("")
    run = run_here(*SCORE, "--every", "2")
    assert run.returncode == 2
    assert "nothing to score" in run.stderr


def test_help_shows_commands_and_the_format_of_the_file(eval_map: Tool, tmp_path: Path) -> None:
    run = eval_map(tmp_path, "--help")
    assert run.returncode == 0
    assert "python tools/eval_map.py --root ILSVRC --split val\n" in run.stdout
    assert "image_id det_id confidence xmin ymin xmax ymax" in run.stdout


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Put a detector in place that finds a car in every image, and a dog of low score.

    Where it is given proposals, the car stands in the first of them.
    """

    def detect(
        image: NDArray[np.uint8], proposals: NDArray[np.float32] | None = None
    ) -> Detections:
        if proposals is not None:
            return Detections(
                boxes_xyxy=proposals[:1],
                scores=np.array([0.9], np.float32)[: len(proposals)],
                labels=np.array([0])[: len(proposals)],
                classes=(CAR, DOG),
                image_size=image.shape[:2],
            )
        return Detections(
            boxes_xyxy=np.array([[0, 0, 50, 50], [0, 0, 50.25, 50]], np.float32),
            scores=np.array([0.9, 0.1], np.float32),
            labels=np.array([0, 1]),
            classes=(CAR, DOG),
            image_size=image.shape[:2],
        )

    def detect_all(tasks: Iterable[Task]) -> Iterator[Outcome]:
        for key, open_image in tasks:
            try:
                image, proposals = open_image()
            except (ImageError, ProposalFileError) as error:
                yield Outcome(key, None, None, error)
            else:
                yield Outcome(key, image, detect(image, proposals), None)

    detector = Mock(classes=(CAR, DOG), detect_all=detect_all)
    load = create_autospec(Detector.load, return_value=detector)
    monkeypatch.setattr(Detector, "load", load)
    return load


def test_images_are_detected_written_and_scored_and_a_broken_one_is_a_miss(
    folder: Path, run_here: Callable[..., Run], load: Mock
) -> None:
    run = run_here(*SPLIT, "--weights", "w1", "--weights", "w2", "--max-proposals", "4")
    load.assert_called_once_with(Path("w1"), Path("w2"), execution=Execution(), max_proposals=4)
    assert run.returncode == 1
    skipped, reason = run.stderr.splitlines()
    assert skipped == "skipped 1 images:"
    assert "b.JPEG" in reason
    assert run.stdout.splitlines()[:2] == [
        "4 detections written to predictions_val.txt",
        "3 of 3 images; 2 classes that the detector knows; rules of ilsvrc",
    ]
    # Image b is not read: of two cars one is found, and the one in image c is not there.
    assert table(run) == {"37": ["car", "2", "2", "0.5000"], "58": ["dog", "1", "2", "0.0000"]}
    lines = (folder / "predictions_val.txt").read_text().splitlines()
    assert [line.split()[:2] for line in lines] == [
        [i, c] for i in ("10", "30") for c in ("37", "58")
    ]
    assert lines[1].split()[3:] == ["0", "0", "49.25", "49"]


def test_proposals_of_a_file_take_the_place_of_the_detectors_own(
    folder: Path, run_here: Callable[..., Run], load: Mock, save_proposals: Callable[..., Path]
) -> None:
    picture = Image.fromarray(data.chelsea()).resize((100, 100))
    for image_id in "bd":
        picture.save(folder / f"tree/Data/DET/val/{image_id}.JPEG")
    annotations = folder / "tree/Annotations/DET/val"
    (annotations / "d.xml").write_bytes((annotations / "c.xml").read_bytes())
    (folder / "tree/ImageSets/DET/val.txt").write_text("a 10\nb 20\nc 30\nd 40\n")
    images = {"c": ((100, 100), []), "a": ((100, 100), [[0, 0, 50, 50]]), "b": ((90, 100), [])}
    save_proposals(folder / "val.parquet", images)
    run = run_here(*SPLIT, "--weights", "w", "--proposals", "val.parquet")
    load.assert_called_once_with(Path("w"), execution=Execution())
    assert run.returncode == 1
    skipped, size, absent = run.stderr.splitlines()
    assert skipped == "skipped 2 images:"
    assert "val.parquet: 'b' is a picture of 100 x 90 there, but of 100 x 100 here; make" in size
    assert "val.parquet: holds no proposals of 'd'; make" in absent
    (line,) = (folder / "predictions_val.txt").read_text().splitlines()
    assert line.split()[:2] + line.split()[3:] == ["10", "37", "0", "0", "49", "49"]


def test_an_interrupted_run_leaves_what_was_done_by_another_name(
    folder: Path, run_here: Callable[..., Run], load: Mock
) -> None:
    detect_all = load.return_value.detect_all

    def interrupted(tasks: Iterable[Task]) -> Iterator[Outcome]:
        yield next(detect_all(tasks))
        raise KeyboardInterrupt

    load.return_value.detect_all = interrupted
    run = run_here(*SPLIT, "--weights", "w")
    assert run.returncode == 130
    assert "detections of 1 images written to predictions_val.partial.txt" in run.stderr
    assert not (folder / "predictions_val.txt").exists()
    lines = (folder / "predictions_val.partial.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["10", "10"]


@pytest.mark.usefixtures("load")
def test_a_file_of_proposals_that_cannot_be_used_is_refused_before_it_detects(
    folder: Path, run_here: Callable[..., Run]
) -> None:
    run = run_here(*SPLIT, "--weights", "w", "--proposals", "theirs.txt")
    assert run.returncode == 2
    assert run.stdout == ""
    assert "theirs.txt: damaged, or not Parquet" in run.stderr
    assert not (folder / "predictions_val.txt").exists()


def test_what_was_detected_scores_the_same_when_it_is_read_again(
    folder: Path, run_here: Callable[..., Run], load: Mock
) -> None:
    detected = run_here(*SPLIT, "--weights", "w", "--out", "deep/p.txt", "--json", "detected.json")
    load.assert_called_once_with(
        Path("w"), execution=Execution()
    )  # a flag that is not given is not passed on
    two = ("--classes", "car", "dog")
    read = run_here(*SPLIT, "--predictions", "deep/p.txt", "--json", "read.json", *two)
    assert (detected.returncode, read.returncode) == (1, 0)
    of_detector, of_file = (
        json.loads((folder / name).read_text()) for name in ("detected.json", "read.json")
    )
    assert (of_detector["name"], of_file["name"]) == ("w", "p.txt")
    assert list(of_detector["AP"]) == ["37", "58"]  # the file was scored in all classes
    for key in ("AP", "detections", "objects"):
        assert of_detector[key].items() <= of_file[key].items()
    assert of_detector["mAP"] == of_file["mAP"]
    assert of_detector["images"] == {"count": 3, "names": ["a", "b", "c"]}


def test_a_report_of_a_file_is_written_beside_the_scores(
    folder: Path, run_here: Callable[..., Run], save_proposals: Callable[..., Path]
) -> None:
    images = {image_id: ((100, 100), [[0, 0, 50, 50], [50, 50, 100, 100]]) for image_id in "abc"}
    save_proposals(folder / "val.parquet", images)
    without = run_here(*SCORE)
    run = run_here(*SCORE, "--report", "deep/report", "--proposals", "val.parquet")
    assert run.returncode == 0
    assert run.stdout == f"{without.stdout}report written to deep/report/report.html\n"
    page = (folder / "deep/report/report.html").read_text(encoding="utf-8")
    assert "python tools/eval_map.py --root tree --split val --predictions theirs.txt" in page
    assert "0.500" in page
    assert "198 classes without objects" in page
    assert "Proposals an image" in page
    # That of image c, where the dog is found that is not there; image b is no picture.
    assert page.count("<img") == 1


def test_a_report_of_detections_names_what_could_not_be_read(
    folder: Path, run_here: Callable[..., Run], load: Mock
) -> None:
    run = run_here(*SPLIT, "--weights", "w", "--report", "report", "--resamples", "0")
    load.assert_called_once_with(Path("w"), execution=Execution())
    assert run.returncode == 1
    page = (folder / "report/report.html").read_text(encoding="utf-8")
    assert "1 image could not be scored" in page
    assert "no interval was worked out" in page
    assert "The proposals were not at hand" in page


def test_a_report_goes_into_a_folder(run_here: Callable[..., Run]) -> None:
    run = run_here(*SCORE, "--report", "theirs.txt")
    assert run.returncode == 2
    assert "--report: must be a folder, but 'theirs.txt' is a file" in run.stderr


def test_a_report_of_a_file_needs_no_torch(eval_map: Tool, folder: Path) -> None:
    (folder / "shadow").mkdir()
    (folder / "shadow/torch.py").write_text("raise ImportError('torch is not wanted here')")
    run = eval_map(folder, *SCORE, "--report", "report", path=folder / "shadow")
    assert run.returncode == 0
    assert (folder / "report/report.html").is_file()


@pytest.mark.usefixtures("load")
def test_a_class_that_the_detector_does_not_know_is_refused_before_it_detects(
    folder: Path, run_here: Callable[..., Run]
) -> None:
    run = run_here(*SPLIT, "--weights", "w", "--classes", "person")
    assert run.returncode == 2
    assert "the detector does not know person: it knows car, dog" in run.stderr
    assert not (folder / "predictions_val.txt").exists()


def test_weights_that_are_not_there_are_refused(run_here: Callable[..., Run]) -> None:
    run = run_here(*SPLIT, "--weights", "absent.safetensors")
    assert run.returncode == 2
    assert "absent.safetensors: no such file" in run.stderr


class OtherTree(Sequence[ImageAnnotation]):
    """The images of the folder in a tree of another kind, whose classes have other numbers."""

    image_ids = ("a", "c")
    image_numbers = (1, 2)
    classes = (ObjectClass(5, "", "bottle"), ObjectClass(7, CAR.wnid, "car"))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> ImageAnnotation:
        image_id = self.image_ids[index]
        boxes = np.array([[0, 0, 50, 50], [50, 0, 99, 99]][: 2 - index], np.float32)
        path = Path(f"tree/Data/DET/val/{image_id}.JPEG")
        keys = (CAR.wnid, "bottle")[: 2 - index]
        return ImageAnnotation(image_id, path, (100, 100), boxes, keys)


def test_detections_are_written_and_scored_by_the_numbers_of_the_tree(
    folder: Path, run_here: Callable[..., Run], load: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval_map.open_split", lambda _: OtherTree())
    load.return_value.classes = (CAR, DOG)
    run = run_here(*SPLIT, "--format", "voc", "--weights", "w", "--protocol", "voc")
    assert run.returncode == 0
    assert run.stdout.splitlines()[1] == (
        "2 of 2 images; 1 classes that the detector knows; rules of voc"
    )
    assert table(run) == {"7": ["car", "2", "2", "1.0000"]}
    lines = (folder / "predictions_val.txt").read_text().splitlines()
    assert [line.split()[:2] for line in lines] == [["1", "7"], ["2", "7"]]
    all_classes = run_here(*SPLIT, "--format", "voc", "--predictions", "predictions_val.txt")
    assert table(all_classes) == {
        "5": ["bottle", "1", "0", "0.0000"],
        "7": ["car", "2", "2", "1.0000"],
    }
    unknown = run_here(*SPLIT, "--format", "voc", "--weights", "w", "--classes", "bottle")
    assert unknown.returncode == 2
    assert "the detector does not know bottle: it knows car, dog" in unknown.stderr
