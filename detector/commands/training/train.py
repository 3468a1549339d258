r"""Train a member of the detector on a data set.

Examples
--------
Go on from the model that ships, on all classes that the split has objects of; conv1 to 3b stay as
they are, and run once over 20,000 windows:

    inception-rcnn train --root MINE --split train --freeze stem --pool-windows 20000 \
        --steps 400 --learning-rate 0.004 --drop-every 300

A first look: the classifier alone learns:

    inception-rcnn train --root MINE --freeze features --pool-windows 20000 --steps 2000 \
        --learning-rate 0.01 --drop-every 1500

As R-CNN does, from ImageNet's weights, the whole network, on three classes:

    inception-rcnn train --root ILSVRC --imagenet bvlc_googlenet.safetensors \
        --classes person dog "domestic cat"

A member of an ensemble: its own way to draw windows and its own order, all from one pool:

    inception-rcnn train --root ILSVRC --freeze stem --pool-windows 40000 --pool pool.npy \
        --policy tight --seed 3 --out runs/tight

Your own classes, as a labelling tool wrote them into MINE/annotations/instances_train.json with the
pictures in MINE/train; and VOC's twenty:

    inception-rcnn train --root MINE --freeze stem --pool-windows 20000
    inception-rcnn train --root VOCdevkit/VOC2007 --split trainval

On four GPUs or processors at once, with the same result up to rounding:

    torchrun --nproc-per-node 4 -m detector train --root ILSVRC ...

Proposals are made first, in OUT/proposals, or taken from a file or folder of propose by
--proposals. Rerun the same command to resume: a run that was cut off
goes on where its last checkpoint stands. The result is
OUT/member.safetensors, for detect and eval-map --weights.

Exit codes: 0 done; 1 done, but pictures were skipped; 2 the command or its input is wrong;
3 the loss became infinite.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag, open_split
from detector.commands.shared.detectors import add_model_flag, model_arguments
from detector.commands.shared.progress import progress
from detector.commands.shared.training import (
    add_optimization_flags,
    given,
    given_optimization,
    step_reports,
)
from detector.commands.shared.values import (
    count_from_one,
    count_from_zero,
    output_folder,
    seed,
    share,
)
from foundation.processors import available_processors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backbones import GoogLeNet
    from detector.classes import ObjectClass
    from detector.datasets import ImageAnnotation
    from detector.training.config import TrainingConfig
    from detector.training.run import ProposedImages

_TRAINING = (
    "freeze",
    "pool_windows",
    "pool_seed",
    "context_padding",
    "distort_colours",
    "calibration_regions",
)
_SAMPLING = ("foreground", "background", "foreground_iou")


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    from detector.training.config import FROZEN_PARTS, POLICIES, TrainingConfig

    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser, "learn from")
    add = parser.add_argument
    # fmt: off
    add("--split", default="train", help="list of images (default: %(default)s)")
    start = parser.add_mutually_exclusive_group()
    add_model_flag(start, "start from the first member of a model")
    start.add_argument("--weights", type=Path, metavar="FILE", help="start from this member file")
    start.add_argument("--imagenet", type=Path, metavar="FILE",
        help="start from ImageNet weights of GoogLeNet, safetensors or caffemodel")
    add("-o", "--out", type=output_folder, default=Path("runs/member"), metavar="DIR",
        help="folder of proposals, pool, checkpoint, log and result (default: %(default)s)")
    add("--classes", nargs="+", metavar="KEY",
        help="names, WordNet ids or numbers (default: all that the split has objects of)")
    add("--proposals", type=Path, metavar="PATH",
        help="a file or folder of propose (default: make OUT/proposals)")
    add("--threads", type=count_from_one, default=available_processors(), metavar="N",
        help="for proposals (default: one a processor)")
    add("--policy", choices=tuple(POLICIES), default="r-cnn",
        help="how windows are drawn (default: %(default)s)")
    add("--pool", type=Path, metavar="FILE",
        help="of the pool, *.npy, which several runs may share (default: OUT/pool.npy)")
    # Flags that are not given are not passed on: their defaults are TrainingConfig's.
    add("--pool-windows", type=count_from_one, metavar="N",
        help="learn from N windows drawn once; 188 KB of disk each with --freeze stem, 2 KB with"
        " --freeze features (default: every batch is drawn from all windows)")
    add("--pool-seed", type=seed, metavar="N",
        help="which windows a pool draws and which it mirrors; members that share a pool give the"
        f" same (default: {TrainingConfig.pool_seed})")
    add("--freeze", choices=FROZEN_PARTS,
        help="what keeps its weights; the stem is conv1 to 3b, the features all but the classifier"
        f" (default: {TrainingConfig.freeze})")
    add("--context-padding", type=count_from_zero, metavar="N",
        help="pixels of context on each side of a region, of the 224 that it is warped to"
        f" (default: {TrainingConfig.context_padding})")
    add("--distort-colours", action="store_true", default=None,
        help="change brightness, contrast and colours of windows at random")
    add("--foreground", type=count_from_one, metavar="N",
        help="windows of a batch that show an object"
        f" (default: {TrainingConfig().sampling.foreground})")
    add("--foreground-iou", type=share, metavar="IOU",
        help="overlap from which a window shows an object (default: as the policy says)")
    add("--background", type=count_from_one, metavar="N",
        help=f"windows of a batch that show none (default: {TrainingConfig().sampling.background})")
    add("--calibration-regions", type=count_from_one, metavar="N",
        help="calibrate the result for 8 bits on N regions"
        f" (default: {TrainingConfig.calibration_regions})")
    # fmt: on
    add_optimization_flags(parser, TrainingConfig().optimization)
    return parser


def run(options: argparse.Namespace) -> int:
    """Propose if need be, and train; return the exit code."""
    from backbones.training.loop import NonFiniteLossError
    from backbones.training.processes import joined_processes, process_rank
    from detector.training.run import load_proposals

    config = _config(options)
    dataset = open_split(options)
    annotations = list(dataset)  # each file is read once
    classes = _classes(options.classes, dataset.classes, annotations)
    network = _start(options, classes, config)  # before hours go into proposals
    with joined_processes():
        first = process_rank() == 0
        if first:
            names = ", ".join(c.name for c in classes)
            print(f"{len(annotations)} images, {len(classes)} classes: {names}")
            _note_unlisted(dataset.classes, annotations)
        options.out.mkdir(parents=True, exist_ok=True)
        images = load_proposals(annotations, options.proposals or _propose(annotations, options))
        for line in images.skipped if first else ():
            print(f"skipped: {line}", file=sys.stderr)
        started = time.monotonic()
        try:
            path = _train_member(network, images, classes, config, options)
        except NonFiniteLossError as error:
            print(error, file=sys.stderr)
            return 3
        if first:
            minutes = (time.monotonic() - started) / 60
            print(f"{path}: written after {minutes:.1f} minutes of training")
    return 1 if images.skipped else 0


def _train_member(
    network: GoogLeNet,
    images: ProposedImages,
    classes: Sequence[ObjectClass],
    config: TrainingConfig,
    options: argparse.Namespace,
) -> Path:
    from detector.training.run import Reports, train_member

    with (
        progress(config.pool_windows or 1, "pool", "window") as pool_at,
        step_reports(config.optimization.steps, options.tensorboard) as report,
    ):
        reports = Reports(pool_at, report)
        return train_member(network, images, classes, config, options.out, reports, options.pool)


def _start(
    options: argparse.Namespace, classes: Sequence[ObjectClass], config: TrainingConfig
) -> GoogLeNet:
    from detector.members.models import open_model
    from detector.training.start import network_of_imagenet, network_of_member

    if options.imagenet is not None:
        return network_of_imagenet(options.imagenet, classes, config)
    path = options.weights or open_model(**model_arguments(options)).members[0].path
    return network_of_member(path, classes, config)


def _config(options: argparse.Namespace) -> TrainingConfig:
    """Take over what the command line gives; all else keeps its one default."""
    from detector.training.config import POLICIES, TrainingConfig

    optimization = replace(TrainingConfig().optimization, **given_optimization(options))
    sampling = replace(POLICIES[options.policy], **given(options, _SAMPLING))
    return TrainingConfig(optimization, sampling, **given(options, _TRAINING))


def _classes(
    keys: Sequence[str] | None,
    known: Sequence[ObjectClass],
    annotations: Sequence[ImageAnnotation],
) -> tuple[ObjectClass, ...]:
    from detector.classes import select_classes

    if keys:
        return select_classes(keys, known)
    present = {key for annotation in annotations for key in annotation.class_keys}
    found = tuple(c for c in known if c.key in present)
    if not found:
        strange = ", ".join(sorted(present)[:10]) or "no class at all"
        raise ValueError(
            f"the split holds no object of a class that the data set lists, but of {strange}: a"
            " tree in VOC's layout lists classes of its own in a file classes.txt, one a line"
        )
    return found


def _note_unlisted(known: Sequence[ObjectClass], annotations: Sequence[ImageAnnotation]) -> None:
    """Say which objects become background because the data set lists no such class."""
    present = {key for annotation in annotations for key in annotation.class_keys}
    if unlisted := sorted(present - {c.key for c in known}):
        print(
            f"note: objects of {', '.join(unlisted)} count as background, as the data set lists"
            " no such class",
            file=sys.stderr,
        )


def _propose(annotations: Sequence[ImageAnnotation], options: argparse.Namespace) -> Path:
    """Make the proposals in the folder of the run, and return their path."""
    from backbones.training.processes import process_rank, wait_for_all
    from detector.proposers import make_generator
    from detector.training.run import propose_for_data_set
    from proposals.storage.header import ProposalSettings

    path: Path = options.out / "proposals"
    settings = ProposalSettings()
    make = partial(make_generator, settings.generator, seed=settings.seed, threads=1)
    if process_rank() == 0:
        with progress(len(annotations), "proposals", "image") as advance_to:
            propose_for_data_set(annotations, make, path, settings, options.threads, advance_to)
    wait_for_all()
    return path
