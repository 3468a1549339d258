r"""Train R-CNN's linear SVMs on the features of a trained member, in place of its softmax.

Examples
--------
On the photographs that the member was trained on:

    inception-rcnn train-svm --root ILSVRC --split train --weights member.safetensors \
        --out member-svm.safetensors

On every 10th of them, with fewer windows, and proposals of propose:

    inception-rcnn train-svm --root ILSVRC --split train --weights member.safetensors \
        --out member-svm.safetensors --every 10 --windows 3000 --proposals train.parquet

Positives of a class are its true boxes, negatives the windows that overlap none of its objects by
an IoU of 0.3 or more. The result is a member file for detect, eval-map and export, whose scores are
the logistic function of the SVMs' margins: 0.5 is the border. Members with SVMs and members with
softmax cannot be averaged. It needs scikit-learn: pip install "inception-rcnn[svm]".

Exit codes: 0 done; 1 done, but pictures were skipped; 2 the command or an input cannot be used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag, open_split
from detector.commands.shared.progress import progress
from detector.commands.shared.training import given
from detector.commands.shared.values import count_from_one, output_file
from detector.training.svm.config import SvmConfig

if TYPE_CHECKING:
    from detector.datasets import ImageAnnotation
    from detector.training.run import ProposedImages


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="of training photographs, for example train")
    add("--weights", type=Path, required=True, metavar="FILE", help="member file to start from")
    add("-o", "--out", type=output_file, required=True, metavar="FILE",
        help="member file to write")
    add("--every", type=count_from_one, default=1, metavar="N",
        help="look at every Nth photograph only (default: %(default)s)")
    add("--windows", type=count_from_one, metavar="N",
        help="that pass through the network, all true boxes among them"
        f" (default: {SvmConfig.windows})")
    add("--proposals", type=Path, metavar="PATH",
        help="a file or folder of propose (default: make them now)")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Train, and write the member; return the exit code."""
    from detector.members.file import load_member, save_member
    from detector.training.svm.classifier import solver_class, train_svms

    solver_class()  # before minutes go into proposals
    config = SvmConfig(**given(options, ("windows",)))
    member = load_member(options.weights)
    dataset = open_split(options)
    annotations = [dataset[index] for index in range(0, len(dataset), options.every)]
    images = _proposed(annotations, options.proposals)
    for line in images.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    started = time.monotonic()
    with progress(len(images.annotations), "features", "photograph") as advance_to:
        trained = train_svms(member, images, config, advance_to)
    save_member(options.out, trained)
    minutes = (time.monotonic() - started) / 60
    print(
        f"{options.out}: SVMs of {len(trained.classes)} classes, trained on {config.windows}"
        f" windows of {len(images.annotations)} photographs in {minutes:.1f} minutes"
    )
    return 1 if images.skipped else 0


def _proposed(annotations: Sequence[ImageAnnotation], file: Path | None) -> ProposedImages:
    """Return the proposals of a file, or make them now."""
    from detector.training.run import ProposedImages, load_proposals
    from proposals import ImageError, SelectiveSearch, read_image

    if file is not None:
        return load_proposals(annotations, file)
    propose = SelectiveSearch()
    usable, boxes_xyxy, skipped = [], [], []
    with progress(len(annotations), "proposals", "photograph") as advance_to:
        for done, annotation in enumerate(annotations, start=1):
            try:
                boxes_xyxy.append(propose(read_image(annotation.image_path)).boxes_xyxy)
                usable.append(annotation)
            except ImageError as error:
                skipped.append(str(error))
            advance_to(done)
    return ProposedImages(tuple(usable), tuple(boxes_xyxy), tuple(skipped))
