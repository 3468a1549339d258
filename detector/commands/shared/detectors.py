"""The flags by which commands choose and run a detector."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.commands.shared.values import count_from_one
from detector.config import ENGINES, PRECISIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detector.datasets import ImageAnnotation
    from detector.rcnn import Detector, Task
    from proposals import ProposalFile

DETECTOR_FLAGS = (
    "weights", "members", "exact", "proposals", "max_proposals", "engine", "precision", "device",
)  # fmt: skip
"""Names of the options that `add_detector_flags` adds; None where they are not given."""


def add_detector_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `load_detector` reads."""
    add = parser.add_argument
    # fmt: off
    add("--weights", type=Path, action="append", metavar="FILE",
        help="member file; may be repeated; or one ONNX file of export"
        " (default: the weights that come with the package)")
    add("--members", nargs="+", metavar="NAME",
        help="of the package's weights only these, by file name without suffix; the first one"
        " stands in front of the cascade (default: all)")
    add("--exact", action="store_true", default=None,
        help="let all networks score every region, not only those that the first one finds worth"
        " it: slower (default: as the weights say)")
    add("--proposals", type=Path, metavar="FILE",
        help="take the regions from this file of propose instead of proposing any")
    add("--max-proposals", type=count_from_one, metavar="N",
        help="score at most N regions a picture (default: as the weights say)")
    add("--engine", choices=ENGINES,
        help="what runs the networks (default: OpenVINO on processors, PyTorch on GPUs)")
    add("--precision", choices=PRECISIONS,
        help="arithmetic of the networks (default: the fastest that the hardware has)")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: cuda where there is one)")
    # fmt: on


def load_detector(options: argparse.Namespace, **settings: float) -> Detector:
    """Return the detector of a command line; ``settings`` replace those of the weights."""
    from detector.config import Execution
    from detector.rcnn import Detector

    named = {"engine": options.engine, "precision": options.precision, "device": options.device}
    execution = Execution(**{key: value for key, value in named.items() if value is not None})
    given: dict[str, Any] = {**settings}
    if options.max_proposals is not None:
        given["max_proposals"] = options.max_proposals
    if options.exact:
        given["cascade_threshold"] = 0
    if options.weights is None:
        return Detector.from_pretrained(options.members, execution=execution, **given)
    if options.members is not None:
        raise ValueError("--members chooses of the package's weights: leave it out with --weights")
    return Detector.load(*options.weights, execution=execution, **given)


def detection_task(annotation: ImageAnnotation, file: ProposalFile | None) -> Task:
    """Return the task of a labelled image, known by its id, with the proposals of a file if any."""
    from detector.rcnn import Task
    from proposals import read_image

    def open_image() -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        image = read_image(annotation.image_path)
        if file is None:
            return image, None  # the detector proposes its own
        return image, file.for_image(annotation.image_id, image.shape[:2]).boxes_xyxy

    return Task(annotation.image_id, open_image)
