"""Scoring of what the detector finds; `test_eval_map` scores what stands in a file."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from unittest.mock import Mock, create_autospec

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from detector.classes import ObjectClass, select_classes
from detector.config import Execution
from detector.datasets import ImageAnnotation
from detector.detections.results import Detections
from detector.rcnn import Detector, Outcome, Task
from proposals import ImageError, ProposalFileError

Table = Callable[[subprocess.CompletedProcess[str]], dict[str, list[str]]]
Tool = Callable[..., subprocess.CompletedProcess[str]]
CAR, DOG = select_classes(["car", "dog"])
SPLIT = ("--root", "tree", "--split", "val")
TASK = "detector.commands.evaluation.scoring_task"


@pytest.fixture
def run_here(folder: Path, in_process: Callable[[str, Path], Tool]) -> Tool:
    return in_process("eval-map", folder)


@pytest.fixture
def folder(tmp_path: Path, write_split: Callable[..., None]) -> Path:
    """Return a folder with a tree of three images, of which b is broken."""
    objects = {
        "a": [(CAR.wnid, (0, 0, 49, 49)), (DOG.wnid, (50, 50, 99, 99))],
        "b": [(CAR.wnid, (0, 0, 49, 49))],
        "c": [],
    }
    write_split(tmp_path / "tree", objects)
    (tmp_path / "tree/Data/DET/val/b.JPEG").write_text("no picture")
    return tmp_path


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
    folder: Path, run_here: Tool, load: Mock, table: Table
) -> None:
    files = ("--weights", "w1", "--weights", "w2")
    run = run_here(*SPLIT, *files, "--max-proposals", "4", "--voting-iou", "0.5")
    settings = {"max_proposals": 4, "voting_iou": 0.5}
    load.assert_called_once_with(Path("w1"), Path("w2"), execution=Execution(), **settings)
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
    folder: Path, run_here: Tool, load: Mock, save_proposals: Callable[..., Path]
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


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(KeyboardInterrupt(), 130), (OSError(5, "the disk is gone"), 2), (RuntimeError("bug"), None)],
)
def test_a_run_that_ended_early_leaves_what_was_done_by_another_name(
    error: BaseException,
    exit_code: int | None,
    folder: Path,
    run_here: Tool,
    load: Mock,
) -> None:
    detect_all = load.return_value.detect_all

    def interrupted(tasks: Iterable[Task]) -> Iterator[Outcome]:
        yield next(detect_all(tasks))
        raise error

    load.return_value.detect_all = interrupted
    if exit_code is None:
        with pytest.raises(RuntimeError, match="bug"):
            run_here(*SPLIT, "--weights", "w")
    else:
        run = run_here(*SPLIT, "--weights", "w")
        assert run.returncode == exit_code
        assert "detections of 1 images written to predictions_val.partial.txt" in run.stderr
    assert not (folder / "predictions_val.txt").exists()
    lines = (folder / "predictions_val.partial.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["10", "10"]


@pytest.mark.usefixtures("load")
def test_a_file_of_proposals_that_cannot_be_used_is_refused_before_it_detects(
    folder: Path, run_here: Tool
) -> None:
    (folder / "no.parquet").write_text("no Parquet")
    run = run_here(*SPLIT, "--weights", "w", "--proposals", "no.parquet")
    assert run.returncode == 2
    assert run.stdout == ""
    assert "no.parquet: damaged, or not Parquet" in run.stderr
    assert not (folder / "predictions_val.txt").exists()


def test_what_was_detected_scores_the_same_when_it_is_read_again(
    folder: Path, run_here: Tool, load: Mock
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


def test_a_report_of_detections_names_what_could_not_be_read(
    folder: Path, run_here: Tool, load: Mock
) -> None:
    run = run_here(*SPLIT, "--weights", "w", "--report", "report")
    load.assert_called_once_with(Path("w"), execution=Execution())
    assert run.returncode == 1
    page = (folder / "report/report.html").read_text(encoding="utf-8")
    assert "1 image could not be scored" in page
    assert re.search(r"95 % interval 0\.\d{3} to [01]\.\d{3}", page)
    assert 'id="proposals"' not in page  # there are none to tell of


@pytest.mark.usefixtures("load")
def test_a_class_that_the_detector_does_not_know_is_refused_before_it_detects(
    folder: Path, run_here: Tool
) -> None:
    run = run_here(*SPLIT, "--weights", "w", "--classes", "person")
    assert run.returncode == 2
    assert "the detector does not know person: it knows car, dog" in run.stderr
    assert not (folder / "predictions_val.txt").exists()


def test_weights_that_are_not_there_are_refused(run_here: Tool) -> None:
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
    folder: Path, run_here: Tool, load: Mock, monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    monkeypatch.setattr(f"{TASK}.open_whole_split", lambda _, **__: OtherTree())
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
