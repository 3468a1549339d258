"""What the commands that train share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.commands.shared.progress import print_line, progress

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from backbones.training.config import OptimizationConfig
    from backbones.training.loop import StepReport

_OPTIMIZATION = (
    "steps", "learning_rate", "drop_every", "drop_factor", "average_from", "auxiliary_weight",
    "precision", "seed", "checkpoint_every",
)  # fmt: skip
_LINE_EVERY = 20  # steps


def add_optimization_flags(parser: argparse.ArgumentParser, defaults: OptimizationConfig) -> None:
    """Add the flags that `given_optimization` reads; their defaults are the configuration's."""
    add = parser.add_argument
    # fmt: off
    add("--steps", type=int, help=f"batches to learn from (default: {defaults.steps})")
    add("--learning-rate", type=float, metavar="RATE",
        help=f"at the start (default: {defaults.learning_rate})")
    add("--drop-every", type=int, metavar="STEPS",
        help=f"lower the rate after each so many steps (default: {defaults.drop_every})")
    add("--drop-factor", type=float, metavar="SHARE",
        help=f"multiply it by this then (default: {defaults.drop_factor})")
    add("--average-from", type=int, metavar="STEP",
        help="take the mean of the weights from this step on (default: the last weights)")
    add("--auxiliary-weight", type=float, metavar="W",
        help="of auxiliary classifiers' losses; the paper's is 0.3"
        f" (default: {defaults.auxiliary_weight:g})")
    add("--precision", choices=("auto", "float32", "bfloat16"),
        help=f"arithmetic of the convolutions (default: {defaults.precision})")
    add("--seed", type=int,
        help=f"of batches, dropout and new weights (default: {defaults.seed})")
    add("--checkpoint-every", type=int, metavar="STEPS",
        help=f"(default: {defaults.checkpoint_every})")
    # fmt: on
    add_tensorboard_flag(parser)


def add_tensorboard_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--tensorboard``, for `step_reports`."""
    parser.add_argument(
        "--tensorboard",
        type=_tensorboard_folder,
        metavar="DIR",
        help="write scalars for TensorBoard there, too",
    )


def given_optimization(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the command line gives."""
    return given(options, _OPTIMIZATION)


def given(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Return those of some options that the command line gives."""
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def step_reports(steps: int, tensorboard: Path | None) -> Iterator[Callable[[StepReport], None]]:
    """Give what shows how training goes: a bar on a terminal, a line now and then elsewhere."""
    with progress(steps, "training", "step") as advance_to, _writer(tensorboard) as writer:

        def report(line: StepReport) -> None:
            advance_to(line.step)
            if line.step % _LINE_EVERY == 0:
                print_line(
                    f"step {line.step}: loss {line.loss:.3f}, right {line.accuracy:.0%},"
                    f" {line.seconds:.1f} s a step"
                )
            if writer is not None:
                for name in ("loss", "accuracy", "learning_rate"):
                    writer.add_scalar(name, getattr(line, name), line.step)

        yield report


def _tensorboard_folder(text: str) -> Path:
    if find_spec("tensorboard") is None:  # said before hours of training
        raise ModuleNotFoundError("TensorBoard is not installed", name="tensorboard")
    return Path(text)


@contextmanager
def _writer(folder: Path | None) -> Iterator[SummaryWriter | None]:
    if folder is None:
        yield None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        yield writer
