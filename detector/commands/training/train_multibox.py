r"""Train MultiBox, a network that proposes boxes, on a labelled data set.

    inception-rcnn train-multibox --root ILSVRC --split train \
        --imagenet bvlc_googlenet.safetensors --steps 4000 --folds 2-9

--root is a data set in the layout of ILSVRC DET, VOC or COCO; objects of all classes count alike.
What finds an object that VOC marks as difficult, or a crowd of COCO's, is neither right nor wrong.
--folds 2-9 keeps two tenths of the images out, to choose settings on, and for train-ranking.
--imagenet is BVLC's GoogLeNet as safetensors.
The result is FOLDER/multibox.safetensors, beside log.jsonl (one line a step) and a checkpoint:
give the same command again to go on with a run that was cut off.

On one core of a CPU a step of 8 views of 320 pixels with a frozen stem takes about a second.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag, open_split
from detector.commands.shared.progress import print_line, progress
from detector.commands.shared.values import output_folder
from detector.training.multibox.config import MultiBoxTrainingConfig

if TYPE_CHECKING:
    from detector.training.multibox.train import MultiBoxStep


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser, "learn from")
    add = parser.add_argument
    # fmt: off
    add("--split", default="train", help="list of images (default: %(default)s)")
    add("--imagenet", type=Path, required=True, metavar="FILE",
        help="BVLC's ImageNet weights of GoogLeNet")
    add("-o", "--out", type=output_folder, default=Path("runs/multibox"), metavar="DIR",
        help="folder of checkpoint, log and result (default: %(default)s)")
    # fmt: on
    # Flags that are not given are not passed on: their defaults are MultiBoxTrainingConfig's.
    for name, kind, text in (
        ("steps", int, "batches to learn from"),
        ("batch-size", int, "views a batch"),
        ("size", int, "side of the network's input in pixels"),
        ("prior-count", int, "number of centroids of --priors kmeans"),
        ("head-rate", float, "learning rate of the head"),
        ("backbone-rate", float, "learning rate of the backbone"),
        ("matches", int, "predictions matched with each object"),
        ("seed", int, "of the new head and the views"),
    ):
        add(f"--{name}", type=kind, metavar="N", help=f"{text} (default: {_default(name)})")
    # fmt: off
    add("--priors", choices=("grid", "kmeans"),
        help=f"where the priors come from (default: {_default('priors')})")
    add("--freeze", choices=("nothing", "stem", "backbone"),
        help=f"what keeps its weights (default: {_default('freeze')})")
    # fmt: on
    return parser


def _default(flag: str) -> object:
    return getattr(MultiBoxTrainingConfig, flag.replace("-", "_"))


def run(options: argparse.Namespace) -> int:
    """Train, and print where the result is; return the exit code."""
    from detector.training.multibox.train import train_multibox

    fields = MultiBoxTrainingConfig.__dataclass_fields__
    given = {key: value for key, value in vars(options).items() if key in fields}
    config = MultiBoxTrainingConfig(**{k: v for k, v in given.items() if v is not None})
    annotations = list(open_split(options))
    options.out.mkdir(parents=True, exist_ok=True)
    with progress(config.steps, "training", "step") as advance_to:

        def report(line: MultiBoxStep) -> None:
            advance_to(line.step)
            if line.step % 100 == 0:
                print_line(
                    f"step {line.step}: location {line.location_loss:.3f}, confidence"
                    f" {line.confidence_loss:.3f}",
                    sys.stderr,
                )

        path = train_multibox(annotations, options.imagenet, config, options.out, report)
    print_line(str(path))
    return 0
