from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector import proposers
from detector.classes import select_classes
from proposals import Proposals

Tool = Callable[..., subprocess.CompletedProcess[str]]
CAR, DOG = select_classes(["car", "dog"])
# Image a holds a car of 30 x 30 and a dog of 50 x 50, image b a car; image c holds nothing.
OBJECTS = {
    "a": [(CAR.wnid, (0, 0, 29, 29)), (DOG.wnid, (50, 50, 99, 99))],
    "b": [(CAR.wnid, (0, 0, 49, 49))],
    "c": [],
}
# The best box is of IoU 0.72 with the dog, the second of 900 / 1500 with the car of image a.
SAVED_BOXES = [[50, 50, 100, 86], [0, 0, 50, 30]]
SPLIT = ("--root", "tree", "--split", "val")
SAVED = (*SPLIT, "--generators", "file:saved.parquet")
PLOTS = ("abo_by_class.png", "by_boxes.png", "by_size.png", "recall_by_iou.png")


@pytest.fixture
def run_here(folder: Path, in_process: Callable[[str, Path], Tool]) -> Tool:
    return in_process("coverage", folder)


@pytest.fixture
def folder(
    tmp_path: Path, save_proposals: Callable[..., Path], write_split: Callable[..., None]
) -> Path:
    """Return a folder with a tree of three images, and proposals of them in a file."""
    write_split(tmp_path / "tree", OBJECTS)
    save_proposals(tmp_path / "saved.parquet", dict.fromkeys("abc", ((100, 100), SAVED_BOXES)))
    return tmp_path


def rows(run: subprocess.CompletedProcess[str], title: str) -> dict[str, list[str]]:
    """Return the rows of the table whose title or header begins so, by their first word."""
    table = run.stdout.split(title)[1].split("\n\n")[0]
    return {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:] if line}


def test_saved_proposals_give_the_figures_worked_out_by_hand(folder: Path, run_here: Tool) -> None:
    run = run_here(*SAVED, "--budgets", "2", "1", "--json", "deep/figures.json")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("3 images of val, 3 objects\n")
    # Image b's car has 50 x 30 of 50 x 50, that is 0.6, too.
    summary = ["2.0", "2", "1.0000", "0.3333"]
    ar, mabo = (0.44 + 0.2 + 0.2) / 3, (0.72 + 0.6) / 2
    assert rows(run, "all boxes")["file:saved.parquet"] == [
        *summary, f"{ar:.4f}", f"{mabo:.4f}", "-",
    ]  # fmt: skip
    assert rows(run, "coverage at IoU 0.5 (any) of the first N boxes\n") == {
        "file:saved.parquet": ["0.3333", "1.0000", "1.0000"],
    }
    assert rows(run, "average recall (one-to-one) of the first N boxes\n")[
        "file:saved.parquet"
    ] == [f"{0.44 / 3:.4f}", f"{ar:.4f}", f"{ar:.4f}"]
    assert rows(run, "by size of the objects: 1 small, 2 medium, 0 large\n")[
        "file:saved.parquet"
    ] == ["1.0000", "1.0000", "-"]
    for objects, shares in (
        ("1 small", ["0.0000", "1.0000", "1.0000"]),
        ("2 medium", ["0.5000", "1.0000", "1.0000"]),
        ("0 large", ["-", "-", "-"]),
    ):
        title = f"recall at IoU 0.5 (one-to-one) of the first N boxes, {objects} objects\n"
        assert rows(run, title)["file:saved.parquet"] == shares
    written = json.loads((folder / "deep/figures.json").read_text())
    figures = written["generators"]["file:saved.parquet"]
    assert figures["abo"]["car"] == {"objects": 2, "abo": pytest.approx(0.6)}
    assert figures["abo"]["dog"] == {"objects": 1, "abo": pytest.approx(0.72)}
    assert figures["by_size"]["large"]["all"]["any"]["at_50"] is None
    assert figures["by_size"]["medium"]["1"]["one_to_one"]["at_50"] == 0.5
    assert figures["seconds_median"] is None
    assert figures["against_baseline"] is None


def test_several_generators_are_compared_written_and_plotted(folder: Path, run_here: Tool) -> None:
    names = ["opencv-single", "doubled", "file:saved.parquet"]
    run = run_here(
        *SPLIT, "--generators", *names, "--baseline", "doubled", "--threads", "1",
        "--json", "figures.json", "--plots", "plots",
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    compared = rows(run, "against doubled: ")
    assert set(compared) == {"boxes", "opencv-single", "file:saved.parquet"}
    written = json.loads((folder / "figures.json").read_text())
    check_schema(written, names)
    assert written["generators"]["doubled"]["seconds_median"] > 0
    assert sorted(path.name for path in (folder / "plots").iterdir()) == sorted(PLOTS)
    for name in PLOTS:
        with Image.open(folder / "plots" / name) as plot:
            plot.load()
            assert plot.format == "PNG"
            assert min(plot.size) > 300
            assert len(plot.convert("RGB").getcolors(1 << 24)) > 20


def test_an_image_at_which_a_generator_fails_is_left_out(
    run_here: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = proposers.make_source("file:saved.parquet", seed=0, threads=1)

    def propose(image_id: str, image: NDArray[np.uint8]) -> Proposals:
        if image_id == "b":
            raise RuntimeError("a bug")
        return file.propose(image_id, image)

    make = Mock(return_value=replace(file, propose=propose))
    monkeypatch.setattr(proposers, "make_source", make)
    run = run_here(*SAVED)
    assert run.returncode == 1
    assert run.stdout.startswith("2 images of val, 2 objects\n")
    skipped, line = run.stderr.splitlines()
    assert skipped == "skipped 1 images:"
    assert "b.JPEG: the proposer failed (RuntimeError: a bug); look at the picture" in line


def test_a_folder_of_proposals_is_measured_as_a_file_is(
    folder: Path, run_here: Tool, save_proposals: Callable[..., Path]
) -> None:
    save_proposals(folder / "saved", dict.fromkeys("abc", ((100, 100), SAVED_BOXES)))
    run = run_here(*SPLIT, "--generators", "file:saved.parquet", "file:saved")
    assert (run.returncode, run.stderr) == (0, "")
    boxes = rows(run, "all boxes")
    assert boxes["file:saved"][:-1] == boxes["file:saved.parquet"][:-1]


def check_schema(written: dict[str, Any], names: list[str]) -> None:
    assert set(written) == {
        "settings", "images", "objects", "skipped", "versions", "conventions", "iou_thresholds",
        "generators",
    }  # fmt: skip
    assert (written["images"], written["objects"], written["skipped"]) == (3, 3, [])
    assert written["settings"]["generators"] == list(written["generators"]) == names
    assert {"any", "one_to_one", "average"} <= set(written["conventions"])
    assert {"package", "python", "numpy", "opencv"} <= set(written["versions"])
    for name, one in written["generators"].items():
        keys = ["100", "200", "500", "1000", "2000", "all"]
        assert list(one["by_budget"]) == list(one["recall_by_iou"]) == keys
        assert list(one["by_size"]) == ["small", "medium", "large"]
        assert all(list(by_budget) == keys for by_budget in one["by_size"].values())
        quality = one["by_budget"]["all"]
        assert set(quality) == {"objects", "any", "one_to_one", "mabo"}
        assert set(quality["any"]) == set(quality["one_to_one"]) == {"at_50", "at_70", "average"}
        assert len({len(values) for values in one["curve"].values()}) == 1
        assert len(one["recall_by_iou"]["100"]) == len(written["iou_thresholds"])
        beside = one["against_baseline"]
        assert (beside is None) == (name == "doubled")
        if beside is not None:
            assert set(beside["coverage_50"]) == {"estimate", "low", "high"}


def test_the_same_run_gives_the_same_figures_but_for_time(folder: Path, run_here: Tool) -> None:
    generators = ("--generators", "doubled", "file:saved.parquet")
    for name in ("one.json", "two.json"):
        run_here(*SPLIT, *generators, "--every", "3", "--seed", "7", "--json", name)
    one, two = (json.loads((folder / name).read_text()) for name in ("one.json", "two.json"))
    for written in (one, two):
        del written["generators"]["doubled"]["seconds_median"]
    assert one == two


def test_small_boxes_can_be_had(folder: Path, run_here: Tool) -> None:
    for side in ("20", "2"):
        run = run_here(
            *SPLIT, "--generators", "single", "file:saved.parquet",
            "--min-side", side, "--json", f"{side}.json",
        )  # fmt: skip
        assert run.returncode == 0
    few, many = (json.loads((folder / f"{side}.json").read_text()) for side in ("20", "2"))
    assert (few["settings"]["min_side"], many["settings"]["min_side"]) == (20, 2)
    boxes = [one["generators"]["single"]["boxes_mean"] for one in (few, many)]
    assert boxes[0] < boxes[1]


def test_of_chosen_classes_and_every_second_image(run_here: Tool) -> None:
    run = run_here(*SAVED, "--classes", "dog", "--every", "2")
    assert run.stdout.startswith("2 images of val, 1 objects\n")
    assert rows(run, "all boxes")["file:saved.parquet"][2:6] == [
        "1.0000", "1.0000", "0.4400", "0.7200",
    ]  # fmt: skip


def test_without_objects_shares_are_dashes_and_plots_empty(folder: Path, run_here: Tool) -> None:
    run = run_here(*SAVED, "--classes", "bus", "--plots", "plots", "--json", "figures.json")
    assert run.returncode == 0
    assert rows(run, "all boxes")["file:saved.parquet"] == ["2.0", "2", *"-----"]
    assert json.loads((folder / "figures.json").read_text())["objects"] == 0
    assert sorted(path.name for path in (folder / "plots").iterdir()) == sorted(PLOTS)


def test_a_broken_picture_is_skipped_for_all_and_named(folder: Path, run_here: Tool) -> None:
    (folder / "tree/Data/DET/val/a.JPEG").write_text("no picture")
    run = run_here(*SAVED, "--json", "figures.json")
    assert run.returncode == 1
    assert run.stdout.startswith("2 images of val, 1 objects\n")
    title, reason = run.stderr.splitlines()
    assert title == "skipped 1 images:"
    assert "a.JPEG" in reason
    assert json.loads((folder / "figures.json").read_text())["skipped"] == [reason.strip()]


def test_an_image_that_a_file_lacks_or_has_in_another_size_is_skipped(
    folder: Path, run_here: Tool, save_proposals: Callable[..., Path]
) -> None:
    sizes = {"a": (100, 100), "b": (100, 200)}
    save_proposals(folder / "part.parquet", {i: (size, SAVED_BOXES) for i, size in sizes.items()})
    run = run_here(*SPLIT, "--generators", "file:saved.parquet", "file:part.parquet")
    assert run.returncode == 1
    assert run.stdout.startswith("1 images of val, 2 objects\n")
    _, of_b, of_c = run.stderr.splitlines()
    assert "part.parquet: 'b' is a picture of 200 x 100 there, but of 100 x 100 here" in of_b
    assert "part.parquet: holds no proposals of 'c'" in of_c


def test_no_image_that_can_be_measured_is_an_error(folder: Path, run_here: Tool) -> None:
    for name in "abc":
        (folder / f"tree/Data/DET/val/{name}.JPEG").write_text("")
    run = run_here(*SAVED)
    assert run.returncode == 2
    assert "no image could be measured; the first: " in run.stderr
    assert "a.JPEG: the file is empty" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--min-side", "5"], "argument --min-side: none of these generators has a smallest side"),
        (["--root", "nowhere"], "nowhere: no such folder; give the folder of a data set"),
        (["--split", "test"], "test.txt: no such list; tree/ImageSets/DET holds val"),
        (["--generators", "edges"], "'edges' names no generator: choose from doubled, fast, "),
        (["--generators", "file:"], "'file:' names no generator"),
        (["--generators", "file:absent.parquet"], "absent.parquet"),
        (["--generators", "fast", "fast"], "--generators: give each once"),
        (["--baseline", "fast"], "--baseline: must be one of file:saved.parquet, but is 'fast'"),
        (["--classes", "unicorn"], "'unicorn' names no class"),
        (["--budgets", "0"], "--budgets: must be a whole number from 1, but is '0'"),
        (["--every", "x"], "--every: must be a whole number from 1, but is 'x'"),
        (["--seed", "-1"], "--seed: must be a whole number from 0 to 2^32 - 1, not '-1'"),
        (["--json", "."], "--json: must be a file, but '.' is a folder"),
        (["--plots", "saved.parquet"], "--plots: must be a folder, but 'saved.parquet' is a file"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    run_here: Tool, arguments: list[str], message: str
) -> None:
    run = run_here(*SAVED, *arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert message in run.stderr


def test_an_empty_list_is_refused(folder: Path, run_here: Tool) -> None:
    (folder / "tree/ImageSets/DET/val.txt").write_text("")
    run = run_here(*SAVED)
    assert run.returncode == 2
    assert "lists no image to measure on" in run.stderr


def test_help_shows_commands_and_both_conventions(run_here: Tool) -> None:
    run = run_here("--help")
    assert run.returncode == 0
    assert "inception-rcnn coverage --root ILSVRC --split val --generators" in run.stdout
    assert "doubled, fast, " in run.stdout
    assert "«any»" in run.stdout
    assert "«one-to-one»" in run.stdout
