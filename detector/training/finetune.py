"""Fine-tuning a network on warped regions, by R-CNN's rules (Girshick et al. 2014, 2.3)."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from backbones import GoogLeNet, InputStatistics
from backbones.hardware import choose_dtype
from detector.training.batches import BatchLoader, TrainingBatch
from detector.training.checkpoint import load_checkpoint, restore, save_checkpoint
from detector.training.config import TrainingConfig
from detector.training.log import reopen_log
from detector.training.windows import BACKGROUND

_PART = 16  # windows that pass the network together: few enough for the caches


class StepReport(NamedTuple):
    """What is known after a step; a line of the log."""

    step: int  # steps done
    loss: float
    accuracy: float  # of all windows of the batch
    foreground_accuracy: float
    learning_rate: float
    seconds: float  # since the step before


class NonFiniteLossError(ArithmeticError):
    """The loss became infinite or not a number."""


def finetune(
    network: GoogLeNet,
    loader: BatchLoader,
    statistics: InputStatistics,
    config: TrainingConfig,
    data: Mapping[str, Any],
    run_folder: Path,
    report: Callable[[StepReport], None],
) -> None:
    """Train a network in place; a run that was cut off goes on at its last checkpoint.

    A resumed run ends in the weights that an unbroken one ends in: batches and dropout
    depend on nothing but the seed and the step.

    Parameters
    ----------
    network : GoogLeNet
        With a classifier of 1 + C outputs, background first.
    loader : BatchLoader
    statistics : InputStatistics
    config : TrainingConfig
    data : mapping
        What the loader's batches are of, in values that JSON knows; kept in the checkpoint, so
        that a run does not go on with other data.
    run_folder : Path
        Holds ``checkpoint.safetensors`` and ``log.jsonl``.
    report : callable
        Called with each step's `StepReport`.

    Raises
    ------
    NonFiniteLossError
        If the loss is no longer finite.
    CheckpointError
        If the folder's checkpoint is damaged or of a run with other settings.
    """
    network.train().to(memory_format=torch.channels_last)
    if config.freeze_stem:
        network.freeze_stem()
    optimizer = _optimizer(network, config)
    checkpoint_path = run_folder / "checkpoint.safetensors"
    settings = _lasting_settings(config, data)
    start = _resume(checkpoint_path, network, optimizer, settings)
    stem = _frozen_stem(network, config) if config.freeze_stem else network.stem
    learner = _Learner(network, stem, statistics, optimizer, config)
    with reopen_log(run_folder / "log.jsonl", start) as log:
        clock = time.monotonic()
        for step, batch in enumerate(loader.batches(start, config.steps), start=start + 1):
            learned = learner.step(batch, step)
            now = time.monotonic()
            line = StepReport(step, *learned, _rate(config, step), now - clock)
            clock = now
            log.write(json.dumps(line._asdict()) + "\n")
            log.flush()
            report(line)
            if step % config.checkpoint_every == 0 or step == config.steps:
                save_checkpoint(checkpoint_path, step, settings, network, optimizer)
    network.eval()


def _optimizer(network: GoogLeNet, config: TrainingConfig) -> torch.optim.SGD:
    return torch.optim.SGD(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )


def _resume(
    path: Path, network: GoogLeNet, optimizer: torch.optim.SGD, settings: dict[str, Any]
) -> int:
    """Take over the checkpoint where there is one; return the number of steps done."""
    if not path.exists():
        return 0
    checkpoint = load_checkpoint(path, settings)
    restore(checkpoint, network, optimizer)
    return checkpoint.step


def _lasting_settings(config: TrainingConfig, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a resumed run must share; when to stop and to save may change."""
    settings = asdict(config)
    del settings["steps"], settings["checkpoint_every"]
    return {**settings, **data}


def _rate(config: TrainingConfig, step: int) -> float:
    return config.learning_rate * config.drop_factor ** ((step - 1) // config.drop_every)


def _frozen_stem(network: GoogLeNet, config: TrainingConfig) -> Callable[[Tensor], Tensor]:
    """Return the stem as a function without gradient, in the arithmetic asked for."""
    device = next(network.parameters()).device
    dtype = choose_dtype(config.stem_precision, device)
    frozen = copy.deepcopy(network).to(dtype)

    @torch.no_grad()
    def stem(images: Tensor) -> Tensor:
        inner: Tensor = frozen.stem(images.to(dtype)).float()
        return inner

    return stem


@dataclass(frozen=True)
class _Learner:
    """Takes steps; a batch passes in parts that stay in the processor's cache."""

    network: GoogLeNet
    stem: Callable[[Tensor], Tensor]  # (N, 3, S, S) to (N, 480, 14, 14)
    statistics: InputStatistics
    optimizer: torch.optim.SGD
    config: TrainingConfig

    def step(self, batch: TrainingBatch, step: int) -> tuple[float, float, float]:
        """Take one step (1, 2, ...); return loss, accuracy and accuracy on the foreground."""
        torch.manual_seed(self.config.seed * 1_000_003 + step)  # of dropout
        for group in self.optimizer.param_groups:
            group["lr"] = _rate(self.config, step)
        self.optimizer.zero_grad()
        parts = [
            self._learn_part(windows, labels, len(batch.labels))
            for windows, labels in zip(
                torch.split(batch.windows, _PART), torch.split(batch.labels, _PART), strict=True
            )
        ]
        loss = sum(part_loss for part_loss, _ in parts)
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"the loss is {loss} at step {step}: lower the learning rate"
                f" ({_rate(self.config, step):g}) and start again in another folder"
            )
        self.optimizer.step()
        correct = torch.cat([part_correct for _, part_correct in parts])  # (B,)
        foreground = batch.labels != BACKGROUND
        return loss, correct.mean().item(), correct[foreground].mean().item()

    def _learn_part(self, windows: Tensor, labels: Tensor, total: int) -> tuple[float, Tensor]:
        """Add the gradient of some of a batch's ``total`` windows; return loss and hits."""
        inner = self.stem(self.statistics.normalise(windows))  # (P, 480, 14, 14)
        logits = self.network.classifier(self.network.dropout(self.network.trunk(inner)))
        loss = F.cross_entropy(logits, labels, reduction="sum") / total
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item(), (logits.argmax(dim=1) == labels).float()
