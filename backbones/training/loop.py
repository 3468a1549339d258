"""Training of a classifier: batches in, a trained network, a log and checkpoints out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.optim.swa_utils import AveragedModel

from backbones.googlenet import AuxiliaryLogits
from backbones.hardware import choose_dtype
from backbones.training.config import OptimizationConfig
from backbones.training.processes import (
    process_count,
    process_rank,
    sum_gradients,
    summed,
)
from backbones.training.steps import take_steps
from foundation.prefetch import prefetched

PART = 32
"""Examples that pass the network together: few enough for a processor's caches."""


class TrainingBatch(NamedTuple):
    """Examples to learn from."""

    inputs: Tensor  # (B, ...) as `predict` takes them
    labels: Tensor  # (B,) int64


class BatchSource(Protocol):
    """Where examples come from.

    Attributes
    ----------
    batch_size : int
        Examples of a step, over all processes.
    """

    @property
    def batch_size(self) -> int: ...  # noqa: D102 - see the class

    def load(self, step: int, places: range) -> TrainingBatch:
        """Return the examples at some places of a step's batch (0, 1, ...).

        They depend on nothing but the step and the place, so that a run can be resumed, and
        shared among processes. Called in a thread of its own.
        """
        ...


class StepReport(NamedTuple):
    """What is known after a step; a line of the log."""

    step: int  # steps done
    loss: float
    accuracy: float  # of the batch
    learning_rate: float
    seconds: float  # since the step before


class NonFiniteLossError(ArithmeticError):
    """The loss became infinite or not a number."""


def train(
    network: nn.Module,
    predict: Callable[[Tensor], Tensor | AuxiliaryLogits],
    source: BatchSource,
    config: OptimizationConfig,
    settings: Mapping[str, Any],
    run_folder: Path,
    report: Callable[[StepReport], None],
) -> None:
    """Train a network in place; a run that was cut off goes on at its last checkpoint.

    A resumed run ends in the weights that an unbroken one ends in: batches and dropout
    depend on nothing but the seed and the step. Under ``torchrun``, inside
    `joined_processes`, each process takes a share of every batch and all end in the weights
    of one process, up to rounding; the first one writes.

    Parameters
    ----------
    network : nn.Module
        Its parameters that require a gradient are trained. Left in evaluation mode.
    predict : callable
        From a part of a batch's inputs, on the network's device, to its logits. It calls the
        network, or what is trained of it.
    source : BatchSource
    config : OptimizationConfig
    settings : mapping
        What else decides the result, in values that JSON knows; kept in the checkpoint, so
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
    learner = _Learner(network, predict, source.batch_size, config)
    take_steps(
        learner,
        lambda steps: _loaded(source, steps),
        config.steps,
        checkpoint_every=config.checkpoint_every,
        settings={**_lasting_settings(config), **settings},
        run_folder=run_folder,
        report=lambda line: report(StepReport(**line)),
    )
    learner.finish()


Part = tuple[int, TrainingBatch]
"""A part of a batch, and its number within the batch."""


def _loaded(source: BatchSource, steps: range) -> Iterator[Sequence[Part]]:
    """Yield this process's parts of each step's batch, some loaded ahead."""
    starts = list(enumerate(range(0, source.batch_size, PART)))[process_rank() :: process_count()]

    def load(step: int) -> Sequence[Part]:
        return [
            (number, source.load(step, range(start, min(start + PART, source.batch_size))))
            for number, start in starts
        ]

    return prefetched(load, steps)


def _lasting_settings(config: OptimizationConfig) -> dict[str, Any]:
    """Return what a resumed run must share; when to stop and to save may change."""
    settings = asdict(config)
    del settings["steps"], settings["checkpoint_every"]
    return settings


class _Learner:
    """A network that learns to classify by stochastic gradient descent."""

    def __init__(
        self,
        network: nn.Module,
        predict: Callable[[Tensor], Tensor | AuxiliaryLogits],
        batch_size: int,
        config: OptimizationConfig,
    ) -> None:
        self.network = network
        self._predict = predict
        self._batch_size = batch_size
        self._config = config
        self._trained = [p for p in network.parameters() if p.requires_grad]
        self._device = self._trained[0].device
        self._dtype = choose_dtype(config.precision, self._device)
        self.optimizer = torch.optim.SGD(
            self._trained,
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        self.average = None if config.average_from is None else AveragedModel(network)

    def step(self, step: int, batch: Sequence[Part]) -> dict[str, float]:
        """Take one step (1, 2, ...) with this process's parts of a batch."""
        rate = self._config.rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        totals = torch.zeros(2, device=self._device)  # loss, hits
        for number, part in batch:
            torch.manual_seed(_seed(self._config.seed, step, number))  # of dropout
            totals += self._learn(part)
        loss, accuracy = summed(totals).tolist()
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"the loss is {loss} at step {step}: lower the learning rate"
                f" ({rate:g}) and start again in another folder"
            )
        sum_gradients(self._trained)
        self.optimizer.step()
        if self.average is not None and step >= (self._config.average_from or 0):
            self.average.update_parameters(self.network)
        return {"loss": loss, "accuracy": accuracy, "learning_rate": rate}

    def finish(self) -> None:
        """Give the network its final weights."""
        if self.average is not None:
            self.network.load_state_dict(self.average.module.state_dict())
        self.network.eval()

    def _learn(self, part: TrainingBatch) -> Tensor:
        """Add the gradient of a part of the batch; return its share of loss and accuracy."""
        inputs, labels = part.inputs.to(self._device), part.labels.to(self._device)
        reduced = self._dtype != torch.float32
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=reduced):
            found = self._predict(inputs)
        logits, helpers = (found[0], found[1:]) if isinstance(found, tuple) else (found, ())
        loss = _cross_entropy(logits, labels) / self._batch_size
        help_loss = sum(_cross_entropy(one, labels) for one in helpers) / self._batch_size
        (loss + self._config.auxiliary_weight * help_loss).backward()  # type: ignore[no-untyped-call]
        hits = (logits.detach().argmax(dim=1) == labels).float().sum() / self._batch_size
        return torch.stack([loss.detach(), hits])


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), labels, reduction="sum")


def _seed(seed: int, step: int, part: int) -> int:
    return (seed * 1_000_003 + step) * 4_099 + part
