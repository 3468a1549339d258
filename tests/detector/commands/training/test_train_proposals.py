"""train_multibox and train_ranking, as a user meets them first."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detector import proposers
from detector.classes import select_classes
from detector.datasets.folds import fold_of
from detector.training import ranking as learning
from proposals import Proposals
from proposals.ranking import load_ranking

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("name", ["train-multibox", "train-ranking"])
def test_help_shows_a_command(
    name: str, in_process: Callable[[str, Path], Tool], tmp_path: Path
) -> None:
    ended = in_process(name, tmp_path)("--help")
    assert ended.returncode == 0
    assert f"inception-rcnn {name} --root ILSVRC" in ended.stdout


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("train-multibox", [], "--root"),
        ("train-multibox", ["--root", "gone", "--imagenet", "x"], "gone"),
        ("train-multibox", ["--root", "gone", "--imagenet", "x", "--size", "8"], "size must be"),
        ("train-ranking", ["--root", "gone", "--folds", "1", "--out", "r.json"], "gone"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    name: str,
    arguments: list[str],
    message: str,
    in_process: Callable[[str, Path], Tool],
    tmp_path: Path,
) -> None:
    ended = in_process(name, tmp_path)(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_order_is_learned_from_several_data_sets(
    in_process: Callable[[str, Path], Tool],
    write_split: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (car,) = select_classes(["car"])
    write_split(tmp_path / "own", {"a": [(car.wnid, (0, 0, 49, 49))]})
    write_split(tmp_path / "other", {name: [(car.wnid, (20, 20, 80, 80))] for name in "bc"})
    box = Proposals.of_one_source(np.array([[0, 0, 50, 50]]), (100, 100), "multibox", [0.8])
    monkeypatch.setattr(proposers, "make_multibox", lambda: lambda _image: box)
    monkeypatch.setattr(learning, "_STEPS", 5)
    train = in_process("train-ranking", tmp_path)
    folds = f"{fold_of('a')}"
    command = ("--root", "own", "--split", "val", "--folds", folds, "--out", "learned.json")
    ended = train(*command, "--unseen", "other", "--unseen-folds", f"{fold_of('b')}")
    assert (ended.returncode, ended.stdout) == (0, "learned.json\n"), ended.stderr
    load_ranking(tmp_path / "learned.json")
    provenance = json.loads((tmp_path / "learned.json").read_text())["provenance"]
    assert provenance["images"] == [1, 1 + (fold_of("c") == fold_of("b"))]
    assert provenance["folds"] == [[fold_of("a")], [fold_of("b")]]
    refused = train(*command, "--unseen", "lost")
    assert refused.returncode == 2
    assert "lost: no such folder" in refused.stderr
