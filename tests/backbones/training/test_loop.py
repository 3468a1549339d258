from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from backbones import AuxiliaryLogits
from backbones.training.checkpoint import CheckpointError
from backbones.training.config import OptimizationConfig
from backbones.training.loop import NonFiniteLossError, StepReport, TrainingBatch, train

CONFIG = OptimizationConfig(
    steps=4,
    learning_rate=0.1,
    drop_every=3,
    drop_factor=0.1,
    checkpoint_every=2,
    precision="float32",
)


class Points:
    """Points of two classes; 80 per batch are parts of 32, 32 and 16."""

    def __init__(self, batch_size: int = 80) -> None:
        self.batch_size = batch_size

    def load(self, step: int, places: range) -> TrainingBatch:
        generator = torch.Generator().manual_seed(step)
        inputs = torch.randn(self.batch_size, 6, generator=generator)
        labels = (inputs[:, 0] > 0).long()
        chosen = slice(places.start, places.stop)
        return TrainingBatch(inputs[chosen], labels[chosen])


def new_network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 2))


def run(
    folder: Path,
    config: OptimizationConfig = CONFIG,
    settings: dict[str, object] | None = None,
    predict: Callable[[nn.Module], Callable[[Tensor], Tensor | AuxiliaryLogits]] = lambda n: n,
    batch_size: int = 80,
) -> nn.Sequential:
    folder.mkdir(exist_ok=True)
    network = new_network()
    source = Points(batch_size)
    train(network, predict(network), source, config, settings or {}, folder, lambda _report: None)
    return network


def log_lines(folder: Path) -> list[StepReport]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [StepReport(**json.loads(line)) for line in lines]


def assert_same_weights(first: nn.Module, second: nn.Module, tolerance: float = 0) -> None:
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(
            tensor, second.state_dict()[name], rtol=tolerance, atol=tolerance, msg=name
        )


def test_steps_are_those_of_plain_momentum(tmp_path: Path) -> None:
    found = run(tmp_path)
    network = new_network().train()
    velocity = [torch.zeros_like(p) for p in network.parameters()]
    for step in range(1, 5):
        network.zero_grad()
        for number, start in enumerate((0, 32, 64)):
            part = Points().load(step, range(start, min(start + 32, 80)))
            torch.manual_seed(step * 4_099 + number)  # of dropout, in the same places
            (F.cross_entropy(network(part.inputs), part.labels, reduction="sum") / 80).backward()
        rate = 0.1 if step <= 3 else 0.01
        with torch.no_grad():
            for parameter, speed in zip(network.parameters(), velocity, strict=True):
                assert parameter.grad is not None
                speed.mul_(0.9).add_(parameter.grad + 5e-4 * parameter)
                parameter.sub_(rate * speed)
    assert_same_weights(found, network, 1e-6)
    assert not found.training


@pytest.mark.parametrize("average_from", [None, 1, 3])
def test_a_run_that_was_cut_off_ends_as_an_unbroken_one(
    tmp_path: Path, average_from: int | None
) -> None:
    config = replace(CONFIG, average_from=average_from)
    whole = run(tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", config, predict=interrupted_at_call(8))
    assert_same_weights(whole, run(tmp_path / "cut", config))
    losses = [[line.loss for line in log_lines(tmp_path / name)] for name in ("whole", "cut")]
    assert losses[0] == losses[1]


def interrupted_at_call(count: int) -> Callable[[nn.Module], Callable[[Tensor], Tensor]]:
    """Make a prediction that is interrupted in step 3, as parts come three a step."""
    calls = 0

    def make(network: nn.Module) -> Callable[[Tensor], Tensor]:
        def predict(inputs: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            if calls == count:
                raise KeyboardInterrupt
            logits: Tensor = network(inputs)
            return logits

        return predict

    return make


def test_log_lines_after_the_last_checkpoint_are_written_again(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=2))
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 3, "loss": 99}\n')
    run(tmp_path, replace(CONFIG, steps=3))
    lines = log_lines(tmp_path)
    assert [line.step for line in lines] == [1, 2, 3]
    assert lines[-1].loss < 99


def test_a_run_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    config = replace(
        CONFIG, steps=3, average_from=2
    )  # no multiple of the steps between checkpoints
    done = run(tmp_path, config)
    assert_same_weights(done, run(tmp_path, config, predict=interrupted_at_call(1)))


def test_the_rate_drops(tmp_path: Path) -> None:
    run(tmp_path)
    rates = [line.learning_rate for line in log_lines(tmp_path)]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.01])


def test_averaged_weights_are_the_mean_of_those_after_each_step(tmp_path: Path) -> None:
    ends = [
        run(tmp_path / str(steps), replace(CONFIG, steps=steps)).state_dict() for steps in (2, 3, 4)
    ]
    mean = run(tmp_path / "mean", replace(CONFIG, average_from=2)).state_dict()
    for name, tensor in mean.items():
        expected = torch.stack([end[name] for end in ends]).mean(dim=0)
        torch.testing.assert_close(tensor, expected, msg=name)


def test_auxiliary_losses_count_by_their_weight(tmp_path: Path) -> None:
    def helped(network: nn.Module) -> Callable[[Tensor], AuxiliaryLogits]:
        def predict(inputs: Tensor) -> AuxiliaryLogits:
            logits = network(inputs)
            return AuxiliaryLogits(logits, logits, logits)

        return predict

    alone = replace(CONFIG, weight_decay=0, learning_rate=0.01)
    config = replace(alone, auxiliary_weight=0.3)
    plain = run(tmp_path / "a", replace(alone, learning_rate=0.016))  # 1 + 2 x 0.3 of the gradient
    assert_same_weights(run(tmp_path / "b", config, predict=helped), plain, 1e-6)
    unhelped = run(tmp_path / "c", alone, predict=helped)
    assert_same_weights(unhelped, run(tmp_path / "d", alone))


def test_loss_and_accuracy_are_logged(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=60, drop_every=100))
    lines = log_lines(tmp_path)
    assert np.mean([line.loss for line in lines[-5:]]) < np.mean([line.loss for line in lines[:5]])
    assert 0.8 < lines[-1].accuracy <= 1


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(NonFiniteLossError, match="lower the learning rate"):
        run(tmp_path, replace(CONFIG, learning_rate=1e30))


def test_a_run_goes_on_with_its_own_settings_only(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=2), {"classes": ["dog"]})
    with pytest.raises(CheckpointError, match=r"started with learning_rate = 0\.1, now it is 1"):
        run(tmp_path, replace(CONFIG, learning_rate=1.0), {"classes": ["dog"]})
    with pytest.raises(CheckpointError, match=r"started with classes = \['dog'\]"):
        run(tmp_path, settings={"classes": ["cat"]})


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_a_damaged_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="delete it to start anew"):
        run(tmp_path)


@pytest.mark.parametrize(
    "run_text",
    [
        None,
        "{",
        "[" * 100_000,
        "[]",
        '{"step": 1}',
        '{"step": -1, "settings": {}}',
        '{"step": 1e999, "settings": {}}',
        '{"step": 2, "settings": "none"}',
    ],
)
def test_a_checkpoint_that_does_not_say_of_which_run_it_is_is_refused(
    run_text: str | None, tmp_path: Path
) -> None:
    metadata = {"format": "inception-rcnn checkpoint 3"}
    if run_text is not None:
        metadata["run"] = run_text
    save_file({"model.a": torch.zeros(1)}, tmp_path / "checkpoint.safetensors", metadata)
    with pytest.raises(CheckpointError, match="does not say of which run it is; delete it"):
        run(tmp_path)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=2))
    path = tmp_path / "checkpoint.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    name = next(one for one in tensors if one.startswith("model."))
    save_file({**tensors, name: torch.zeros(7, 7)}, path, metadata)
    with pytest.raises(CheckpointError, match="of another network"):
        run(tmp_path)
    save_file({**tensors, "optimizer.momentum_buffer:nobody's": torch.zeros(1)}, path, metadata)
    with pytest.raises(
        CheckpointError, match="'momentum_buffer:nobody's', which is of no parameter"
    ):
        run(tmp_path)


TOGETHER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_loop
from safetensors.torch import save_file
from backbones.training.processes import joined_processes, process_rank
with joined_processes():
    for batch_size in (80, 20):
        folder = Path(sys.argv[1]) / str(batch_size)
        network = test_loop.run(folder, batch_size=batch_size)
        save_file(network.state_dict(), folder / f"{process_rank()}.safetensors")
"""


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of two runs by two processes, called by the size of a batch."""
    folder = tmp_path_factory.mktemp("together")
    script = folder / "together.py"
    script.write_text(TOGETHER, encoding="utf-8")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node", "2", script, folder, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("batch_size", [80, 20])  # in three parts, and in one: fewer than processes
def test_two_processes_learn_what_one_learns(
    together: Path, tmp_path: Path, batch_size: int
) -> None:
    alone = run(tmp_path, batch_size=batch_size)
    folder = together / str(batch_size)
    for rank in (0, 1):
        state = load_file(folder / f"{rank}.safetensors")
        for name, tensor in alone.state_dict().items():
            torch.testing.assert_close(tensor, state[name], rtol=1e-5, atol=1e-6, msg=name)
    losses = [[line.loss for line in log_lines(one)] for one in (folder, tmp_path)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)  # written once


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"drop_every": 0},
        {"checkpoint_every": 0},
        {"learning_rate": 0},
        {"drop_factor": 0},
        {"auxiliary_weight": -1},
        {"average_from": 5},
        {"average_from": 0},
        {"precision": "float16"},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(CONFIG, **settings)  # type: ignore[arg-type]
