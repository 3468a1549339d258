r"""Train a member of the detector on an ILSVRC DET tree.

Examples
--------
Train on every class that the split has objects of:

    python tools/train.py --root ILSVRC --split train --imagenet bvlc_googlenet.safetensors

A shorter run on three classes, with conv1 to 3b left as they are:

    python tools/train.py --root ILSVRC --imagenet bvlc_googlenet.safetensors \
        --classes person dog "domestic cat" --freeze-stem --steps 2000 --drop-every 1400

From the proposals of a file that tools/propose.py made of the split:

    python tools/train.py --root ILSVRC --split train --imagenet bvlc_googlenet.safetensors \
        --proposals train.parquet

A run that was cut off goes on where its last checkpoint stands: give the same command again.
The result is OUT/member.safetensors, for tools/detect.py and tools/eval_map.py --weights.

Exit codes: 0 done; 1 done, but pictures were skipped; 2 the command or its input is wrong;
3 the loss became infinite.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import _common

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detector.classes import ObjectClass
    from detector.datasets import ImageAnnotation
    from detector.training.config import TrainingConfig
    from detector.training.finetune import StepReport

_SETTINGS = ("steps", "learning_rate", "drop_every", "freeze_stem", "seed", "checkpoint_every")
_LINE_EVERY = 20  # steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    with _common.errors_as_lines():
        return _train(options)


def _parser() -> argparse.ArgumentParser:
    from detector.training.config import TrainingConfig

    parser = _common.teaching_parser(__doc__)
    add = parser.add_argument
    # fmt: off
    add("--root", type=Path, required=True, metavar="DIR",
        help="folder with ImageSets, Annotations and Data")
    add("--split", default="train", help="list of images (default: %(default)s)")
    add("--imagenet", type=Path, required=True, metavar="FILE",
        help="ImageNet weights of GoogLeNet under Caffe's names, as safetensors")
    add("--out", type=Path, default=Path("runs/member"), metavar="DIR",
        help="folder of proposals, checkpoint, log and result (default: %(default)s)")
    add("--classes", nargs="+", metavar="KEY",
        help="WordNet ids, det_ids or names (default: all that the split has objects of)")
    add("--proposals", type=Path, metavar="FILE",
        help="a file of tools/propose.py (default: make OUT/proposals.parquet)")
    add("--threads", type=int, default=os.cpu_count() or 1,
        help="for proposals (default: one a processor)")
    # Flags that are not given are not passed on: their defaults are TrainingConfig's.
    add("--steps", type=int,
        help=f"batches to learn from (default: {TrainingConfig.steps})")
    add("--learning-rate", type=float, metavar="RATE",
        help=f"at the start (default: {TrainingConfig.learning_rate})")
    add("--drop-every", type=int, metavar="STEPS",
        help="lower the rate to a tenth after each so many steps"
        f" (default: {TrainingConfig.drop_every})")
    add("--freeze-stem", action="store_true", default=None,
        help="keep conv1 to 3b as they are, which is much faster")
    add("--seed", type=int,
        help=f"of batches and new weights (default: {TrainingConfig.seed})")
    add("--checkpoint-every", type=int, metavar="STEPS",
        help=f"(default: {TrainingConfig.checkpoint_every})")
    # fmt: on
    return parser


def _train(options: argparse.Namespace) -> int:
    from detector.datasets import IlsvrcDet
    from detector.training.finetune import NonFiniteLossError
    from detector.training.run import load_proposals, train_member

    config = _config(options)
    annotations = list(IlsvrcDet(options.root, options.split))  # each file is read once
    classes = _classes(options.classes, annotations)
    print(
        f"{len(annotations)} images, {len(classes)} classes: {', '.join(c.name for c in classes)}"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    proposals = options.proposals or _propose(annotations, options.out, options.threads)
    images = load_proposals(annotations, proposals)
    for line in images.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    started = time.monotonic()
    try:
        with _common.progress(config.steps, "training", "step") as advance_to:
            path = train_member(
                images, classes, options.imagenet, config, options.out, _Reporter(advance_to)
            )
    except NonFiniteLossError as error:
        print(error, file=sys.stderr)
        return 3
    print(f"{path}: written after {(time.monotonic() - started) / 60:.1f} minutes of training")
    return 1 if images.skipped else 0


def _config(options: argparse.Namespace) -> TrainingConfig:
    """Take over what the command line gives; all else keeps its one default."""
    from detector.training.config import TrainingConfig

    given = {name: getattr(options, name) for name in _SETTINGS}
    return TrainingConfig(**{name: value for name, value in given.items() if value is not None})


def _classes(
    keys: Sequence[str] | None, annotations: Sequence[ImageAnnotation]
) -> tuple[ObjectClass, ...]:
    from detector.classes import ilsvrc_classes, select_classes

    if keys:
        return select_classes(keys)
    present = {wnid for annotation in annotations for wnid in annotation.wnids}
    return tuple(c for c in ilsvrc_classes() if c.wnid in present)


def _propose(annotations: Sequence[ImageAnnotation], folder: Path, threads: int) -> Path:
    """Make the file of proposals in the folder of the run, and return its path."""
    from _generators import make_generator

    from detector.training.run import propose_for_data_set
    from proposals.proposal_header import ProposalSettings

    path, settings = folder / "proposals.parquet", ProposalSettings()
    make = partial(make_generator, settings.generator, seed=settings.seed, threads=1)
    with _common.progress(len(annotations), "proposals", "image") as advance_to:
        propose_for_data_set(annotations, make, path, settings, threads, advance_to)
    return path


class _Reporter:
    """Shows how training goes: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, advance_to: Callable[[int], None]) -> None:
        self._advance_to = advance_to

    def __call__(self, report: StepReport) -> None:
        self._advance_to(report.step)
        if report.step % _LINE_EVERY == 0:
            _common.print_line(
                f"step {report.step}: loss {report.loss:.3f}, right {report.accuracy:.0%} of"
                f" windows, {report.foreground_accuracy:.0%} of objects,"
                f" {report.seconds:.1f} s a step"
            )


if __name__ == "__main__":
    sys.exit(main())
