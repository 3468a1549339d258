r"""Train R-CNN's linear SVMs on the features of a trained member, in place of its softmax.

Examples
--------
On the photographs that the member was trained on:

    python tools/train_svm.py --root ILSVRC --split train --weights member.safetensors \
        --out member-svm.safetensors

On every 10th of them, with fewer windows, and proposals of tools/propose.py:

    python tools/train_svm.py --root ILSVRC --split train --weights member.safetensors \
        --out member-svm.safetensors --every 10 --windows 3000 --proposals train.parquet

Positives of a class are its true boxes, negatives the windows that overlap none of its objects
by an IoU of 0.3 or more. The result is a member file for tools/detect.py, tools/eval_map.py and
tools/export.py, whose scores are the logistic function of the SVMs' margins: 0.5 is the border.
Members with SVMs and members with softmax cannot be averaged. It needs scikit-learn:
pip install -e '.[svm]'.

Exit codes: 0 done; 1 done, but pictures were skipped; 2 the command or an input cannot be used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import _common
from _datasets import add_dataset_flags, open_split
from _training import given

if TYPE_CHECKING:
    from detector.datasets import ImageAnnotation
    from detector.training.run import ProposedImages


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool with these command-line arguments; return the exit code."""
    options = _parser().parse_args(arguments)
    with _common.errors_as_lines():
        return _train(options)


def _parser() -> argparse.ArgumentParser:
    from detector.training.svm.config import SvmConfig

    parser = _common.teaching_parser(__doc__)
    add_dataset_flags(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="of training photographs, for example train")
    add("--weights", type=Path, required=True, metavar="FILE", help="member file to start from")
    add("--out", type=_common.output_file, required=True, metavar="FILE",
        help="member file to write")
    add("--every", type=_common.count_from_one, default=1, metavar="N",
        help="look at every Nth photograph only (default: %(default)s)")
    add("--windows", type=_common.count_from_one, metavar="N",
        help="that pass through the network, all true boxes among them"
        f" (default: {SvmConfig.windows})")
    add("--proposals", type=Path, metavar="FILE",
        help="a file of tools/propose.py (default: make them now)")
    # fmt: on
    return parser


def _train(options: argparse.Namespace) -> int:
    from detector.members.file import load_member, save_member
    from detector.training.svm.classifier import solver_class, train_svms
    from detector.training.svm.config import SvmConfig

    solver_class()  # before minutes go into proposals
    config = SvmConfig(**given(options, ("windows",)))
    member = load_member(options.weights)
    dataset = open_split(options)
    annotations = [dataset[index] for index in range(0, len(dataset), options.every)]
    images = _proposed(annotations, options.proposals)
    for line in images.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    started = time.monotonic()
    with _common.progress(len(images.annotations), "features", "photograph") as advance_to:
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
    with _common.progress(len(annotations), "proposals", "photograph") as advance_to:
        for done, annotation in enumerate(annotations, start=1):
            try:
                boxes_xyxy.append(propose(read_image(annotation.image_path)).boxes_xyxy)
                usable.append(annotation)
            except ImageError as error:
                skipped.append(str(error))
            advance_to(done)
    return ProposedImages(tuple(usable), tuple(boxes_xyxy), tuple(skipped))


if __name__ == "__main__":
    sys.exit(main())
