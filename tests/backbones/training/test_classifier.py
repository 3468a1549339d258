from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from backbones import GoogLeNet
from backbones.classification.classifier_file import load_classifier
from backbones.training.checkpoint import CheckpointError
from backbones.training.classifier import train_classifier
from backbones.training.config import ClassifierConfig
from backbones.training.image_folder import ImageFolder
from backbones.training.loop import StepReport
from backbones.weights.bvlc import caffe_name

FOLDER = ImageFolder(("cat", "dog"), (Path("1"), Path("2"), Path("3")), (0, 1, 0))
SHORT = {"batch_size": 2, "precision": "float32", "checkpoint_every": 1}


def paint(path: Path) -> NDArray[np.uint8]:
    return np.random.default_rng(int(path.name)).integers(0, 256, (30, 40, 3), dtype=np.uint8)


def fail(reason: str) -> None:
    raise AssertionError(reason)


def run(
    folder: Path,
    steps: int,
    *,
    weights: Path | None = None,
    interrupt_at: int = 0,
    **settings: float,
) -> tuple[Path, list[StepReport]]:
    reports: list[StepReport] = []

    def report(line: StepReport) -> None:
        reports.append(line)
        if line.step == interrupt_at:
            raise KeyboardInterrupt

    config = ClassifierConfig(steps=steps, **{**SHORT, **settings})  # type: ignore[arg-type]
    path = train_classifier(FOLDER, config, weights, folder, paint, fail, report)
    return path, reports


def test_the_default_is_the_papers_recipe() -> None:
    found = asdict(ClassifierConfig().optimization(pictures=3200))
    assert found.pop("weight_decay") == 2e-4
    assert found == {
        "steps": 6400,
        "learning_rate": 0.01,
        "drop_every": 800,  # 8 epochs
        "drop_factor": 0.96,
        "momentum": 0.9,
        "average_from": 4801,
        "auxiliary_weight": 0.3,
        "precision": "auto",
        "seed": 0,
        "checkpoint_every": 100,
    }


@pytest.mark.parametrize(
    ("share", "first"), [(0, None), (0.001, None), (0.1, 91), (0.5, 51), (1, 1)]
)
def test_weights_are_averaged_over_the_last_steps(share: float, first: int | None) -> None:
    config = ClassifierConfig(steps=100, average_last=share)
    assert config.optimization(pictures=5).average_from == first


def test_even_one_picture_makes_a_step() -> None:
    found = ClassifierConfig(epochs=1).optimization(pictures=1)
    assert (found.steps, found.drop_every) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs must be above 0, but got 0"),
        ({"epochs": float("nan")}, "epochs must be above 0"),
        ({"batch_size": 0}, "batch_size must be above 0"),
        ({"drop_epochs": -1}, "drop_epochs must be above 0"),
        ({"average_last": 1.5}, "average_last must be in"),
    ],
)
def test_impossible_settings_are_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClassifierConfig(**fields)  # type: ignore[arg-type]


def test_a_run_that_was_cut_off_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole, _ = run(tmp_path / "whole", 3, average_last=0.7)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", 3, average_last=0.7, interrupt_at=2)
    broken, reports = run(tmp_path / "broken", 3, average_last=0.7)
    assert reports[-1].step == 3
    assert len(reports) < 3
    first, second = load_file(whole), load_file(broken)
    assert all(torch.equal(first[name], second[name]) for name in first)
    classifier = load_classifier(whole)
    assert classifier.names == ("cat", "dog")
    assert not any(name.startswith("auxiliary") for name in first)


def test_a_run_does_not_go_on_with_other_data(tmp_path: Path) -> None:
    run(tmp_path, 1, auxiliary_weight=0)
    with pytest.raises(CheckpointError, match="started with seed = 0, now it is 1"):
        run(tmp_path, 2, auxiliary_weight=0, seed=1, average_last=0)


def test_imagenets_features_are_where_training_starts(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        state = GoogLeNet(1000).state_dict()
    weights = tmp_path / "weights.safetensors"
    save_file({caffe_name(name): tensor for name, tensor in state.items()}, weights)
    path, _ = run(tmp_path / "run", 1, weights=weights, learning_rate=1e-9, weight_decay=0)
    found = load_file(path)
    torch.testing.assert_close(
        found["inception_4b.conv3x3.weight"], state["inception_4b.conv3x3.weight"]
    )
    # Caffe's first kernels take blue first.
    torch.testing.assert_close(found["conv1.weight"], state["conv1.weight"].flip(1))
    assert found["classifier.weight"].shape == (2, 1024)
    assert 0.009 < found["classifier.weight"].std() < 0.011
