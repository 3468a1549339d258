from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage import data

from backbones import GoogLeNet
from backbones.training.checkpoint import CheckpointError
from backbones.training.loop import NonFiniteLossError
from backbones.weights.bvlc import caffe_name
from detector.datasets.annotation import ImageAnnotation
from detector.training.multibox.config import MultiBoxTrainingConfig
from detector.training.multibox.train import train_multibox
from proposals.multibox import load_multibox

CONFIG = MultiBoxTrainingConfig(
    steps=4,
    batch_size=2,
    size=64,
    warm_up=1,
    checkpoint_every=2,
    frozen_precision="float32",
    prior_count=3,
)


@pytest.fixture(scope="module")
def annotations(tmp_path_factory: pytest.TempPathFactory) -> list[ImageAnnotation]:
    path = tmp_path_factory.mktemp("pictures") / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    boxes = np.array([[100, 20, 400, 280], [0, 0, 120, 90]], np.float32)
    return [
        ImageAnnotation(f"cat{i}", path, (300, 451), boxes + i, ("n02121808",) * 2)
        for i in range(3)
    ]


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights under Caffe's names."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = GoogLeNet(1000).state_dict()
    path = tmp_path_factory.mktemp("weights") / "imagenet.safetensors"
    save_file({caffe_name(name): tensor for name, tensor in state.items()}, path)
    return path


def train(
    annotations: list[ImageAnnotation],
    imagenet: Path,
    folder: Path,
    config: MultiBoxTrainingConfig = CONFIG,
) -> Path:
    folder.mkdir(exist_ok=True)
    return train_multibox(annotations, imagenet, config, folder, lambda _: None)


@pytest.mark.parametrize(
    "changes",
    [
        {"freeze": "nothing"},
        {"freeze": "stem"},
        {"freeze": "backbone"},
        {"freeze": "backbone", "priors": "kmeans"},
    ],
)
def test_only_what_is_not_frozen_learns(
    annotations: list[ImageAnnotation], imagenet: Path, tmp_path: Path, changes: dict[str, str]
) -> None:
    config = replace(CONFIG, steps=2, **changes)  # type: ignore[arg-type]
    path = train(annotations, imagenet, tmp_path, config)
    before, after = load_file(imagenet), load_file(path)
    moved = {
        name: not torch.equal(after[f"backbone.{name}"], before[caffe].half())
        for name, caffe in (
            ("conv2.weight", "conv2/3x3.weight"),
            ("inception_4a.conv1x1.weight", "inception_4a/1x1.weight"),
        )
    }
    freeze = changes["freeze"]
    assert moved["conv2.weight"] == (freeze == "nothing")
    assert moved["inception_4a.conv1x1.weight"] == (freeze != "backbone")
    assert load_multibox(path, GoogLeNet(1)).network.size == 64


def test_what_lies_outside_the_images_is_not_learned(
    annotations: list[ImageAnnotation], imagenet: Path, tmp_path: Path
) -> None:
    larger = np.array([1, 1, 9, 9], np.float32)
    leaving = [replace(one, boxes_xyxy=one.boxes_xyxy * larger) for one in annotations]
    config = replace(CONFIG, steps=1, freeze="backbone", priors="kmeans")
    path = train(leaving, imagenet, tmp_path, config)
    priors = load_file(path)["head.priors"]
    assert (priors >= 0).all()
    assert (priors <= 1).all()


def test_a_run_that_was_cut_off_ends_in_the_same_weights(
    annotations: list[ImageAnnotation], imagenet: Path, tmp_path: Path
) -> None:
    unbroken = train(annotations, imagenet, tmp_path / "unbroken")

    class CutError(Exception):
        pass

    def cut(line: object) -> None:
        if line.step == 3:  # type: ignore[attr-defined]
            raise CutError

    folder = tmp_path / "resumed"
    folder.mkdir()
    with pytest.raises(CutError):
        train_multibox(annotations, imagenet, CONFIG, folder, cut)
    resumed = train(annotations, imagenet, folder)
    first, second = load_file(unbroken), load_file(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]


def test_a_run_with_other_settings_is_refused(
    annotations: list[ImageAnnotation], imagenet: Path, tmp_path: Path
) -> None:
    train(annotations, imagenet, tmp_path, replace(CONFIG, steps=2))
    with pytest.raises(CheckpointError, match="matches"):
        train(annotations, imagenet, tmp_path, replace(CONFIG, steps=2, matches=2))


def test_a_run_on_other_images_is_refused(
    annotations: list[ImageAnnotation], imagenet: Path, tmp_path: Path
) -> None:
    train(annotations, imagenet, tmp_path, replace(CONFIG, steps=2))
    others = [replace(annotations[0], image_id="another"), *annotations[1:]]
    with pytest.raises(CheckpointError, match="data_set"):
        train(others, imagenet, tmp_path, replace(CONFIG, steps=2))


def test_the_loss_falls(annotations: list[ImageAnnotation], imagenet: Path, tmp_path: Path) -> None:
    train(annotations, imagenet, tmp_path, replace(CONFIG, steps=25, freeze="backbone"))
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    confidence = [json.loads(line)["confidence_loss"] for line in lines]
    assert np.mean(confidence[-5:]) < np.mean(confidence[:5])


def test_rates_rise_evenly_and_fall_along_half_a_cosine() -> None:
    config = replace(CONFIG, steps=10, warm_up=4)
    shares = [config.share_of_rate(step) for step in range(1, 11)]
    falling = np.cos(np.linspace(0, np.pi, 7)) / 2 + 0.5
    assert shares == pytest.approx([0.25, 0.5, 0.75, *falling])


def test_an_infinite_loss_stops_the_run(
    annotations: list[ImageAnnotation], imagenet: Path, tmp_path: Path
) -> None:
    config = replace(CONFIG, steps=20, head_rate=1e30, freeze="backbone")
    with pytest.raises(NonFiniteLossError, match="lower the learning rates"):
        train(annotations, imagenet, tmp_path, config)


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"matches": 0},
        {"size": 32},
        {"priors": "random"},
        {"freeze": "head"},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        replace(CONFIG, **settings)  # type: ignore[arg-type]
