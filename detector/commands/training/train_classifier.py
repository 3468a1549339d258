r"""Train GoogLeNet to tell pictures apart, by the paper's recipe.

--root holds a folder for each class, named like it, with pictures in it:

    flowers/train/daisy/1.jpg  flowers/train/daisy/2.jpg  flowers/train/tulip/1.jpg ...

Examples
--------
From ImageNet's weights, which is the way with some thousand pictures or fewer:

    inception-rcnn train-classifier --root flowers/train --val flowers/val \
        --weights bvlc_googlenet.caffemodel --epochs 10

From nothing, as the paper does on ImageNet's 1.2 million pictures (days on a GPU):

    inception-rcnn train-classifier --root imagenet/train --val imagenet/val --crops 1 10 144

Another network for an ensemble: its own order, views and dropout, the same first weights:

    inception-rcnn train-classifier --root imagenet/train --seed 1 --out runs/classifier-1

On four GPUs or processors at once, with the same result up to rounding:

    torchrun --nproc-per-node 4 -m detector train-classifier --root imagenet/train

The recipe: crops of 8 to 100 % of a picture with aspects from 3/4 to 4/3, resized in one of four
ways, mirrored, with changed brightness, contrast and colours; momentum 0.9; a rate that falls by
4 % every 8 epochs; two auxiliary classifiers; and the mean of the weights at the end.

A run that was cut off goes on where its last checkpoint stands: give the same command again. The
result is OUT/classifier.safetensors, for classify --weights. A picture that cannot be
read is named in a line, and the others go on.

Exit codes: 0 done; 1 done, but pictures were skipped (0 under torchrun); 2 the command or its input
is wrong; 3 the loss became infinite.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from backbones.training.config import ClassifierConfig
from detector.commands.shared.command import teaching_parser
from detector.commands.shared.progress import print_line, progress
from detector.commands.shared.training import add_tensorboard_flag, given, step_reports
from detector.commands.shared.values import count_from_one, output_folder
from foundation.processors import available_processors

if TYPE_CHECKING:
    from backbones.training.image_folder import ImageFolder

_SETTINGS = (
    "epochs", "steps", "batch_size", "learning_rate", "drop_epochs", "average_last",
    "auxiliary_weight", "precision", "seed", "checkpoint_every",
)  # fmt: skip
_FINE_TUNING_RATE = 0.001  # from ImageNet's weights, as R-CNN


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add = parser.add_argument
    # fmt: off
    add("--root", type=Path, required=True, metavar="DIR", help="a folder of class folders")
    add("--val", type=Path, metavar="DIR",
        help="such a folder of other pictures, to count errors on at the end")
    add("--crops", type=int, nargs="+", choices=(1, 10, 144), default=[1],
        help="crops of a picture to average over in that count (default: 1)")
    add("--weights", type=Path, metavar="FILE",
        help="ImageNet weights to start from, safetensors or caffemodel (default: fresh ones)")
    add("-o", "--out", type=output_folder, default=Path("runs/classifier"), metavar="DIR",
        help="folder of checkpoint, log and result (default: %(default)s)")
    add("--threads", type=count_from_one, default=available_processors(), metavar="N",
        help="pictures read at the same time, in each process (default: one a processor)")
    # Flags that are not given are not passed on: their defaults are ClassifierConfig's.
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, metavar="N",
        help=f"how often each picture is shown (default: {ClassifierConfig.epochs})")
    length.add_argument("--steps", type=int, help="batches to learn from, in place of --epochs")
    add("--batch-size", type=int, metavar="N",
        help=f"pictures of a step, over all processes (default: {ClassifierConfig.batch_size})")
    add("--learning-rate", type=float, metavar="RATE",
        help=f"at the start (default: {ClassifierConfig.learning_rate}, or {_FINE_TUNING_RATE} with"
        " --weights)")
    add("--drop-epochs", type=float, metavar="N",
        help=f"lower the rate by 4 %% after each so many (default: {ClassifierConfig.drop_epochs})")
    add("--average-last", type=float, metavar="SHARE",
        help="of the steps over which weights are averaged, 0 to 1; a run that averages cannot"
        f" change its length any more (default: {ClassifierConfig.average_last})")
    add("--auxiliary-weight", type=float, metavar="W",
        help="of the auxiliary losses; 0 leaves them out (default:"
        f" {ClassifierConfig.auxiliary_weight})")
    add("--precision", choices=("auto", "float32", "bfloat16"),
        help=f"arithmetic of the convolutions (default: {ClassifierConfig.precision})")
    add("--seed", type=int,
        help=f"of order, views and dropout, from 0 (default: {ClassifierConfig.seed})")
    add("--checkpoint-every", type=int, metavar="STEPS",
        help=f"(default: {ClassifierConfig.checkpoint_every})")
    # fmt: on
    add_tensorboard_flag(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Train, and count errors if asked to; return the exit code."""
    from backbones.training.processes import joined_processes

    with joined_processes():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from backbones.training.image_folder import read_image_folder
    from backbones.training.loop import NonFiniteLossError
    from backbones.training.processes import process_count, process_rank
    from proposals.images import IMAGE_SUFFIXES

    folder = read_image_folder(options.root, IMAGE_SUFFIXES)
    held_out = None
    if options.val is not None:  # before hours of training, so that a wrong name shows at once
        held_out = read_image_folder(options.val, IMAGE_SUFFIXES, folder.names)
    if process_rank() == 0:
        print(f"{len(folder)} pictures, {len(folder.names)} classes: {', '.join(folder.names)}")
    skipped = _Skipped()
    try:
        path = _train(options, folder, skipped)
    except NonFiniteLossError as error:
        print(error, file=sys.stderr)
        return 3
    if held_out is not None and process_rank() == 0:
        for crops in dict.fromkeys(options.crops):
            _count_errors(path, held_out, crops, skipped)
    # torchrun takes any other code for a crash, and ends the processes that still work.
    return 1 if skipped.seen and process_count() == 1 else 0


def _train(options: argparse.Namespace, folder: ImageFolder, skipped: _Skipped) -> Path:
    from backbones.training.classifier import train_classifier
    from backbones.training.processes import process_rank
    from proposals import read_image

    config, started = _config(options), time.monotonic()
    steps = config.optimization(len(folder)).steps
    with step_reports(steps, options.tensorboard) as report:
        path = train_classifier(
            folder, config, options.weights, options.out, read_image, skipped, report,
            options.threads,
        )  # fmt: skip
    if process_rank() == 0:
        minutes = (time.monotonic() - started) / 60
        print(f"{path}: written after {minutes:.1f} minutes of training")
    return path


def _config(options: argparse.Namespace) -> ClassifierConfig:
    """Take over what the command line gives; all else keeps its one default."""
    settings = given(options, _SETTINGS)
    if options.weights is not None:
        settings.setdefault("learning_rate", _FINE_TUNING_RATE)
    return ClassifierConfig(**settings)


def _count_errors(path: Path, folder: ImageFolder, crops: int, skipped: _Skipped) -> None:
    from backbones.classification.classifier_file import load_classifier
    from backbones.classification.evaluation import error_rates
    from proposals import read_image

    classifier = load_classifier(path)
    with progress(len(folder), f"{crops} crops", "picture") as advance_to:
        found = error_rates(
            classifier, folder.paths, folder.labels, crops, read_image, skipped, advance_to
        )
    line = (
        f"{found.pictures} pictures, {crops} crop{'s' * (crops > 1)}: top-1 error {found.top1:.2%}"
    )
    # Of five classes or fewer the right one is always among the first five.
    print(line + (f", top-5 error {found.top5:.2%}" if len(folder.names) > 5 else ""))


class _Skipped:
    """Names each picture that cannot be read, once."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, reason: str) -> None:
        if reason not in self.seen:
            self.seen.add(reason)
            print_line(f"skipped: {reason}", sys.stderr)
