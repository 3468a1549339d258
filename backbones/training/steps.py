"""The steps of a training run: logged, kept in checkpoints, gone on with after a cut."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from backbones.training.checkpoint import load_checkpoint, restore, save_checkpoint
from backbones.training.log import reopen_log
from backbones.training.processes import process_rank, wait_for_all

Batch = TypeVar("Batch")
TakenBatch = TypeVar("TakenBatch", contravariant=True)


class Learner(Protocol[TakenBatch]):
    """What learns from batches; a checkpoint holds all that changes in it.

    Attributes
    ----------
    network : nn.Module
    optimizer : torch.optim.Optimizer
        Of parameters of the network.
    average : AveragedModel or None
        A mean of the network's weights, where one is taken.
    """

    @property
    def network(self) -> nn.Module: ...  # noqa: D102 - see the class

    @property
    def optimizer(self) -> torch.optim.Optimizer: ...  # noqa: D102

    @property
    def average(self) -> AveragedModel | None: ...  # noqa: D102

    def step(self, step: int, batch: TakenBatch) -> Mapping[str, float]:
        """Take one step (1, 2, ...) and return what the log says of it, by name."""
        ...


def take_steps(
    learner: Learner[Batch],
    batches: Callable[[range], Iterable[Batch]],
    steps: int,
    *,
    checkpoint_every: int,
    settings: Mapping[str, Any],
    run_folder: Path,
    report: Callable[[dict[str, Any]], None],
) -> None:
    """Take all steps of a run that are not done yet; of several processes, the first writes.

    Parameters
    ----------
    learner : Learner
    batches : callable
        Gives the batches of a range of steps (1, 2, ...), which depend on nothing but the step.
    steps : int
        Of the whole run.
    checkpoint_every : int
        Steps between checkpoints; the last step has one, too.
    settings : mapping
        What decides the result and must not change when the run is gone on with, in values
        that JSON knows.
    run_folder : Path
        Holds ``checkpoint.safetensors`` and ``log.jsonl``.
    report : callable
        Called with each line of the log: ``step``, what the learner says of it, and the
        ``seconds`` since the step before.

    Raises
    ------
    CheckpointError
        If the folder's checkpoint is damaged or of a run with other settings.
    """
    checkpoint = run_folder / "checkpoint.safetensors"
    done = _resume(learner, checkpoint, settings) if checkpoint.exists() else 0
    ahead = range(done + 1, steps + 1)
    with _open_log(run_folder, done) as log:
        clock = time.monotonic()
        for step, batch in zip(ahead, batches(ahead), strict=True):
            figures = learner.step(step, batch)
            now = time.monotonic()
            line = {"step": step, **figures, "seconds": now - clock}
            clock = now
            if log is not None:
                log.write(json.dumps(line) + "\n")
                log.flush()
                report(line)
            if step % checkpoint_every == 0 or step == steps:
                _save(learner, checkpoint, settings, step)


def _resume(learner: Learner[Any], path: Path, settings: Mapping[str, Any]) -> int:
    """Take over a checkpoint; return the number of steps done."""
    checkpoint = load_checkpoint(path, settings)
    restore(checkpoint, learner.network, learner.optimizer)
    if learner.average is not None:
        learner.average.load_state_dict(checkpoint.average)
    return checkpoint.step


def _save(learner: Learner[Any], path: Path, settings: Mapping[str, Any], step: int) -> None:
    """Write a checkpoint, in the first process only."""
    if process_rank() == 0:
        save_checkpoint(path, step, settings, learner.network, learner.optimizer, learner.average)
    wait_for_all()


def _open_log(run_folder: Path, steps_done: int) -> TextIO | nullcontext[None]:
    """Open the log, in the first process only."""
    if process_rank() > 0:
        return nullcontext()
    return reopen_log(run_folder / "log.jsonl", steps_done)
