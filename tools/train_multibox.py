r"""Train MultiBox, a network that proposes boxes, on a labelled data set.

    python tools/train_multibox.py --root ILSVRC --split train \
        --imagenet bvlc_googlenet.safetensors --steps 4000

--root is a data set in the layout of ILSVRC DET, or of VOC or COCO with --format; objects of all
classes count alike, and COCO's crowds not at all. --imagenet is BVLC's GoogLeNet as safetensors.
The result is FOLDER/multibox.safetensors, beside log.jsonl (one line a step) and a checkpoint:
give the same command again to go on with a run that was cut off.

On one core of a CPU a step of 8 views of 320 pixels with a frozen stem takes about a second.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if __package__:  # imported by tests
    from tools import _common, _datasets
else:
    import _common
    import _datasets

if TYPE_CHECKING:
    from detector.training.multibox.train import MultiBoxStep


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    options = _parse(arguments)
    with _common.errors_as_lines():
        return _run(options)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _common.teaching_parser(__doc__)
    _datasets.add_dataset_flags(parser)
    parser.add_argument("--split", default="train")
    parser.add_argument("--imagenet", type=Path, required=True, help="ImageNet weights")
    parser.add_argument("--out", type=Path, default=Path("runs/multibox"), help="run folder")
    for name, kind, text in (
        ("steps", int, "batches to learn from"),
        ("batch-size", int, "views a batch"),
        ("size", int, "side of the network's input in pixels"),
        ("prior-count", int, "number of centroids of --priors kmeans"),
        ("head-rate", float, "learning rate of the head"),
        ("backbone-rate", float, "learning rate of the backbone"),
        ("matches", int, "predictions matched with each object"),
        ("hold-out", int, "keep one image in so many from training"),
        ("seed", int, "of the new head and the views"),
    ):
        parser.add_argument(f"--{name}", type=kind, help=text)
    parser.add_argument("--priors", choices=("grid", "kmeans"), help="where the priors come from")
    parser.add_argument(
        "--freeze", choices=("nothing", "stem", "backbone"), help="what keeps its weights"
    )
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> int:
    from detector.training.multibox.config import MultiBoxTrainingConfig
    from detector.training.multibox.train import train_multibox

    fields = MultiBoxTrainingConfig.__dataclass_fields__
    given = {key: value for key, value in vars(options).items() if key in fields}
    config = MultiBoxTrainingConfig(**{k: v for k, v in given.items() if v is not None})
    annotations = [a.without_crowds() for a in _datasets.open_split(options)]
    options.out.mkdir(parents=True, exist_ok=True)
    with _common.progress(config.steps, "training", "step") as advance_to:

        def report(line: MultiBoxStep) -> None:
            advance_to(line.step)
            if line.step % 100 == 0:
                _common.print_line(
                    f"step {line.step}: location {line.location_loss:.3f}, confidence"
                    f" {line.confidence_loss:.3f}",
                    sys.stderr,
                )

        path = train_multibox(annotations, options.imagenet, config, options.out, report)
    _common.print_line(str(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
