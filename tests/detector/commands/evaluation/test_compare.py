from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.classes import ObjectClass, select_classes
from detector.scoring.evaluation import Evaluation
from detector.scoring.files.evaluation_file import write_evaluation
from detector.scoring.outcomes import Outcomes, Protocol

Tool = Callable[..., subprocess.CompletedProcess[str]]
CAR, DOG = select_classes(["car", "dog"])
IMAGES = 40


def write(
    path: Path,
    found: dict[ObjectClass, int],
    *,
    images: int = IMAGES,
    protocol: Protocol = "ilsvrc",
) -> None:
    """Write an evaluation with an object of each class an image, some of which are found."""
    numbers = np.concatenate([np.arange(count) for count in found.values()])
    counts = list(found.values())
    ids = np.array([one.id for one in found])
    outcomes = Outcomes(
        protocol=protocol,
        image_count=images,
        image_indices=numbers,
        class_ids=np.repeat(ids, counts),
        scores=np.full(len(numbers), 0.5),
        found=np.ones(len(numbers), np.bool_),
        object_image_indices=np.tile(np.arange(images), len(found)),
        object_class_ids=np.repeat(ids, images),
    )
    names = tuple(f"image{number}" for number in range(images))
    write_evaluation(path, Evaluation("theirs.txt", outcomes, tuple(found), names))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "a.json", {CAR: 20, DOG: 20})
    write(tmp_path / "b.json", {CAR: 30, DOG: 20})
    write(tmp_path / "c.json", {CAR: 21, DOG: 20})
    return tmp_path


@pytest.fixture
def run_here(folder: Path, in_process: Callable[[str, Path], Tool]) -> Tool:
    return in_process("compare", folder)


def test_better_is_a_statement(run_here: Tool) -> None:
    run = run_here("a.json", "b.json")
    assert (run.returncode, run.stderr) == (0, "")
    header, _, title, columns, car, dog, mean, luck, statement = run.stdout.splitlines()
    assert header == '40 images, rules of ilsvrc; the first file is a.json, of "theirs.txt"'
    assert title == "b.json against a.json"
    assert columns.split()[:4] == ["name", "objects", "first", "this"]
    assert car.split()[:5] == ["car", "40", "0.5000", "0.7500", "+25.00"]
    assert dog.split() == [
        "dog",
        "40",
        "0.5000",
        "0.5000",
        "+0.00",
        "+0.00",
        "to",
        "+0.00",
        "0.0",
        "%",
    ]
    assert mean.split()[:4] == ["mAP", "0.5000", "0.6250", "+12.50"]
    assert luck.startswith("intervals of 1 of 2 classes keep off 0; of as many that have not")
    assert statement.startswith("b.json is better than a.json by 12.50 points (95 % interval ")
    assert statement.endswith("): better in 1000 of 1000 resamples")


def test_worse_and_undecided_are_statements_too(run_here: Tool) -> None:
    worse = run_here("b.json", "a.json").stdout.splitlines()[-1]
    assert worse.startswith("a.json is worse than b.json by 12.50 points (95 % interval ")
    assert worse.endswith("): better in 0 of 1000 resamples")
    low, high = worse.split("interval ")[1].split(")")[0].split(" to ")
    assert 0 < float(low) < 12.5 < float(high)
    undecided = run_here("a.json", "c.json")
    assert undecided.returncode == 0
    statement = undecided.stdout.splitlines()[-1]
    assert statement.startswith("c.json and a.json cannot be told apart on these 40 images: +1.25")


def test_classes_in_few_images_are_not_judged(folder: Path, run_here: Tool) -> None:
    for name, found in (("few.json", 0), ("more.json", 5)):
        write(folder / name, {CAR: found, DOG: found}, images=5)
    run = run_here("few.json", "more.json", "--json", "changes.json")
    *_, luck, few, statement = run.stdout.splitlines()
    assert luck.startswith("intervals of 0 of 0 classes keep off 0; of as many that have not")
    assert few == "not judged, as fewer than 6 images hold them: 2 classes"
    assert statement.startswith("more.json and few.json cannot be told apart on these 5 images")
    changes = json.loads((folder / "changes.json").read_text())["compared"]["more.json"]
    assert changes["AP"][CAR.wnid]["verdict"] == "undecided"


def test_several_are_compared_with_the_first_and_written(folder: Path, run_here: Tool) -> None:
    run = run_here("a.json", "b.json", "c.json", "--json", "deep/changes.json")
    assert [line for line in run.stdout.splitlines() if " against " in line] == [
        "b.json against a.json",
        "c.json against a.json",
    ]
    written = json.loads((folder / "deep/changes.json").read_text())
    assert (written["first"], written["images"], written["protocol"]) == ("a.json", 40, "ilsvrc")
    assert list(written["compared"]) == ["b.json", "c.json"]
    found = written["compared"]["b.json"]
    low, high = found["mAP"].pop("interval")
    assert 0 < low < 12.5 < high
    assert found["mAP"] == {
        "first": 0.5, "this": 0.625, "points": pytest.approx(12.5), "better": 1000,
        "resamples": 1000, "verdict": "better",
    }  # fmt: skip
    assert found["AP"][DOG.wnid]["name"] == "dog"
    assert found["AP"][DOG.wnid]["interval"] == [0, 0]
    assert found["left_out"] == []


def test_classes_of_one_file_are_named_and_left_out(folder: Path, run_here: Tool) -> None:
    write(folder / "b.json", {CAR: 30, ObjectClass(7, "", "sofa"): 4})
    run = run_here("a.json", "b.json", "--json", "changes.json", "--plot", "changes.png")
    assert "left out, as one file lacks them: dog, sofa\n" in run.stdout
    assert "mAP" in run.stdout.splitlines()[5]
    written = json.loads((folder / "changes.json").read_text())["compared"]["b.json"]
    assert (list(written["AP"]), written["left_out"]) == ([CAR.wnid], ["dog", "sofa"])


def test_changes_are_drawn(folder: Path, run_here: Tool) -> None:
    run = run_here("a.json", "b.json", "c.json", "--plot", "deep/$changes$.PNG")
    assert (run.returncode, run.stderr) == (0, "")
    with Image.open(folder / "deep/$changes$.PNG") as picture:
        assert picture.format == "PNG"
        assert picture.width == 1050
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def test_two_are_shown_side_by_side_with_pictures_of_a_folder(folder: Path, run_here: Tool) -> None:
    (folder / "shots/deep").mkdir(parents=True)
    Image.new("RGB", (20, 10)).save(folder / "shots/deep/image21.JPG", "JPEG")
    Image.new("RGB", (20, 10)).save(folder / "shots/stranger.png")
    without = run_here("a.json", "b.json")
    run = run_here("a.json", "b.json", "--report", "deep/page.html", "--pictures", "shots")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == f"{without.stdout}report written to deep/page.html\n"
    page = (folder / "deep/page.html").read_text(encoding="utf-8")
    assert "compare a.json b.json --report deep/page.html --pictures shots" in page
    assert page.count("<img") == 1
    assert "<small>image21</small>" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.json"], "one file is nothing to compare: give two or more"),
        (["a.json", "a.json"], "a file is named twice: give each once"),
        (["a.json", "absent.json"], "absent.json: "),
        (["a.json", "old.json"], "old.json: holds nothing of the format 'inception-rcnn evaluat"),
        (["a.json", "few.json"], "few.json cannot be compared with a.json: of 39 images, the fi"),
        (["a.json", "voc.json"], "rules of voc, the first by those of ilsvrc: score both with o"),
        (["a.json", "b.json", "--plot", "changes.jpg"], "--plot: must end in .png, but is 'chan"),
        (
            ["a.json", "b.json", "c.json", "--report", "page.html"],
            "argument --report: shows two files side by side, so give two",
        ),
        (["a.json", "b.json", "--pictures", "."], "argument --pictures: is for --report; give t"),
        (
            ["a.json", "b.json", "--report", "page.html", "--pictures", "absent"],
            "argument --pictures: must be a folder, but 'absent' is none",
        ),
        (
            ["a.json", "b.json", "--report", "page.html", "--pictures", "shots"],
            "shots: holds no picture of these images, such as 'image0.jpg'; name the folder that",
        ),
        (["a.json", "b.json", "--json", "."], "--json: must be a file, but '.' is a folder"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(
    folder: Path, run_here: Tool, arguments: list[str], message: str
) -> None:
    (folder / "old.json").write_text('{"mAP": 0.5, "AP": {"37": 0.5}}')
    write(folder / "few.json", {CAR: 20, DOG: 20}, images=39)
    write(folder / "voc.json", {CAR: 20, DOG: 20}, protocol="voc")
    (folder / "shots").mkdir()
    (folder / "shots/stranger.png").touch()
    run = run_here(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert len(run.stderr.splitlines()) == 1
    assert message in run.stderr


def test_it_runs_as_a_command_without_torch_and_matplotlib(compare: Tool, folder: Path) -> None:
    (folder / "shadow").mkdir()
    for name in ("torch", "matplotlib"):
        (folder / f"shadow/{name}.py").write_text(f"raise ImportError('{name} is not wanted here')")
    report = ("--report", "page.html")
    run = compare(folder, "a.json", "b.json", *report, path=folder / "shadow")
    assert run.returncode == 0, run.stderr
    told = [line for line in run.stderr.splitlines() if not line.startswith("resampling: ")]
    assert told == []  # progress is told on a busy machine only
    assert "b.json is better than a.json" in run.stdout
