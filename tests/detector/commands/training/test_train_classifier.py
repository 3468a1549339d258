from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from backbones.classification.classifier_file import load_classifier

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make training and held-out pictures of two classes, one of them damaged."""
    root = tmp_path_factory.mktemp("pictures")
    for name, picture in (("cat", data.chelsea()), ("cup", data.coffee())):
        for part, half in (("train", picture[:, ::2]), ("val", picture[:, 1::2])):
            (root / part / name).mkdir(parents=True)
            Image.fromarray(np.ascontiguousarray(half)).save(root / part / name / "1.png")
    (root / "train/cat/damaged.png").write_text("no picture")
    return root


def test_a_classifier_comes_out_goes_on_and_classifies(
    train_classifier: Tool, classify: Tool, pictures: Path, tmp_path: Path
) -> None:
    command = (
        "--root", pictures / "train", "--val", pictures / "val", "--out", "run", "--batch-size",
        "3", "--average-last", "0", "--crops", "1", "10",
    )  # fmt: skip
    first = train_classifier(tmp_path, *command, "--steps", "1")
    assert first.returncode == 1, first.stderr  # one picture was skipped
    assert "3 pictures, 2 classes: cat, cup" in first.stdout
    assert first.stderr.count("damaged.png: not a picture") == 1
    second = train_classifier(tmp_path, *command, "--steps", "2")
    assert second.returncode == 1, second.stderr
    assert second.stderr.count("skipped: ") == 1
    assert "2 pictures, 1 crop: top-1 error" in second.stdout
    assert "2 pictures, 10 crops: top-1 error" in second.stdout
    assert "top-5" not in second.stdout  # of two classes
    log = (tmp_path / "run/log.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["step"] for line in log.splitlines()] == [1, 2]
    assert load_classifier(tmp_path / "run/classifier.safetensors").names == ("cat", "cup")
    run = classify(tmp_path, pictures / "val", "--weights", "run/classifier.safetensors")
    assert run.returncode == 0, run.stderr
    assert {line.split()[-1] for line in run.stdout.splitlines() if line[0] == " "} == {
        "cat",
        "cup",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--root", "nowhere"), "nowhere: no such folder; give one that holds a folder a class"),
        (("--root", "TRAIN/cat"), "lies in no class; move it"),
        (("--root", "TRAIN", "--val", "TRAIN/.."), "train: no class of this name was trained"),
        (("--root", "TRAIN", "--steps", "0"), "steps must be 1 or more"),
        (("--root", "TRAIN", "--steps", "1", "--epochs", "1"), "--epochs: not allowed with"),
        (("--root", "TRAIN", "--seed", "-1"), "seed 0 or more"),
        (("--root", "TRAIN", "--weights", "none"), "none: no such file; give bvlc_googlenet"),
        (("--root", "TRAIN", "--crops", "3"), "invalid choice: 3"),
        ((), "required: --root"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    train_classifier: Tool, pictures: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    words = (word.replace("TRAIN", str(pictures / "train")) for word in arguments)
    refused = train_classifier(tmp_path, *words)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
