from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from backbones import GoogLeNet, InputStatistics
from detector.training.batches import BatchLoader
from detector.training.checkpoint import CheckpointError
from detector.training.config import SamplingConfig, TrainingConfig
from detector.training.finetune import (
    NonFiniteLossError,
    StepReport,
    finetune,
)
from detector.training.windows import WindowSampler, WindowTable
from detector.warp import WarpConfig, warp_regions

STATISTICS = InputStatistics(size=64)
WARP = WarpConfig(size=64, context_padding=4)
CONFIG = TrainingConfig(
    steps=4,
    learning_rate=0.01,
    drop_every=3,
    checkpoint_every=2,
    stem_precision="float32",
    sampling=SamplingConfig(foreground=2, background=3),
)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


@pytest.fixture(scope="module")
def table() -> WindowTable:
    boxes = [[40, 0, 400, 300], [60, 10, 390, 290], [0, 0, 60, 60], [380, 200, 450, 300]]
    return WindowTable(np.array(boxes, np.float32), np.zeros(4, int), np.array([1, 1, 0, 0]))


@pytest.fixture
def loader(picture: Path, table: WindowTable) -> BatchLoader:
    return BatchLoader([picture], table, WindowSampler(table, CONFIG.sampling, CONFIG.seed), WARP)


def new_network() -> GoogLeNet:
    torch.manual_seed(0)
    return GoogLeNet(2)


def train(
    loader: BatchLoader, folder: Path, config: TrainingConfig = CONFIG, wnid: str = "n02121808"
) -> GoogLeNet:
    folder.mkdir(exist_ok=True)
    network = new_network()
    data = {"classes": [wnid]}
    finetune(network, loader, STATISTICS, config, data, folder, lambda _: None)
    return network


def log_lines(folder: Path) -> list[StepReport]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [StepReport(**json.loads(line)) for line in lines]


def assert_same_weights(first: GoogLeNet, second: GoogLeNet) -> None:
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(tensor, second.state_dict()[name], rtol=0, atol=0, msg=name)


def test_a_run_that_was_cut_off_ends_as_an_unbroken_one(
    loader: BatchLoader, tmp_path: Path
) -> None:
    whole = train(loader, tmp_path / "whole")
    train(loader, tmp_path / "cut", replace(CONFIG, steps=2))
    resumed = train(loader, tmp_path / "cut")
    assert_same_weights(whole, resumed)
    losses = [[line.loss for line in log_lines(tmp_path / name)] for name in ("whole", "cut")]
    assert losses[0] == losses[1]


def test_log_lines_after_the_last_checkpoint_are_written_again(
    loader: BatchLoader, tmp_path: Path
) -> None:
    train(loader, tmp_path, replace(CONFIG, steps=2))
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 3, "loss": 99}\n')
    train(loader, tmp_path, replace(CONFIG, steps=3))
    lines = log_lines(tmp_path)
    assert [line.step for line in lines] == [1, 2, 3]
    assert lines[-1].loss < 99


def test_the_rate_drops(loader: BatchLoader, tmp_path: Path) -> None:
    train(loader, tmp_path)
    rates = [line.learning_rate for line in log_lines(tmp_path)]
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.001])


def test_a_frozen_stem_stays_and_the_rest_learns(loader: BatchLoader, tmp_path: Path) -> None:
    network = train(loader, tmp_path, replace(CONFIG, steps=1, freeze_stem=True))
    fresh = new_network().state_dict()
    moved = {name for name, tensor in network.state_dict().items() if (tensor != fresh[name]).any()}
    assert "classifier.weight" in moved
    assert any(name.startswith("inception_4a") for name in moved)
    assert not any(name.startswith(("conv", "inception_3")) for name in moved)


def test_a_frozen_stem_learns_as_a_whole_network_whose_stem_has_no_rate(
    loader: BatchLoader, tmp_path: Path
) -> None:
    frozen = train(loader, tmp_path / "a", replace(CONFIG, steps=1, freeze_stem=True))
    whole = train(loader, tmp_path / "b", replace(CONFIG, steps=1))
    torch.testing.assert_close(frozen.classifier.weight, whole.classifier.weight)
    torch.testing.assert_close(
        frozen.inception_4a.conv1x1.weight, whole.inception_4a.conv1x1.weight
    )


def test_loss_falls_on_windows_seen_again(loader: BatchLoader, tmp_path: Path) -> None:
    config = replace(CONFIG, steps=12, drop_every=100, checkpoint_every=100, freeze_stem=True)
    train(loader, tmp_path, config)
    losses = [line.loss for line in log_lines(tmp_path)]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_a_loss_that_is_not_finite_stops_the_run(loader: BatchLoader, tmp_path: Path) -> None:
    with pytest.raises(NonFiniteLossError, match="lower the learning rate"):
        train(loader, tmp_path, replace(CONFIG, steps=4, learning_rate=1e30))


def test_a_run_goes_on_with_its_own_settings_and_classes_only(
    loader: BatchLoader, tmp_path: Path
) -> None:
    train(loader, tmp_path, replace(CONFIG, steps=2))
    with pytest.raises(CheckpointError, match=r"started with learning_rate = 0\.01, now it is 1"):
        train(loader, tmp_path, replace(CONFIG, learning_rate=1.0))
    with pytest.raises(CheckpointError, match=r"started with classes = \['n02121808'\]"):
        train(loader, tmp_path, wnid="n02084071")


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_a_damaged_checkpoint_is_refused(
    content: bytes, loader: BatchLoader, tmp_path: Path
) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="delete it to start anew"):
        train(loader, tmp_path)


def test_batches_hold_the_warped_windows_of_their_rows(
    loader: BatchLoader, table: WindowTable
) -> None:
    rows, mirrored = WindowSampler(table, CONFIG.sampling, CONFIG.seed).batch(1)
    expected = warp_regions(data.chelsea(), table.boxes_xyxy[rows], WARP)
    expected[mirrored] = expected[mirrored][:, :, ::-1]
    batch = loader.load(1)
    assert mirrored.any()
    np.testing.assert_array_equal(batch.windows.numpy(), expected)
    assert batch.labels.tolist() == table.labels[rows].tolist()


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 1), (2, 4), (0, 9), (5, 3)])
def test_batches_come_in_the_order_of_their_steps(
    loader: BatchLoader, start: int, stop: int
) -> None:
    found = [batch.windows.numpy() for batch in loader.batches(start, stop)]
    assert len(found) == max(0, stop - start)
    for step, windows in enumerate(found, start=start):
        np.testing.assert_array_equal(windows, loader.load(step).windows.numpy())


@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"drop_every": 0}, {"checkpoint_every": 0}, {"learning_rate": 0}]
)
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(CONFIG, **settings)  # type: ignore[arg-type]
