"""The flags by which commands choose and run a detector."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detector.commands.shared.values import count_from_one, share
from detector.config import DEFAULT_MODEL, ENGINES, PRECISIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detector.datasets import ImageAnnotation
    from detector.rcnn import Detector, Task
    from proposals import ProposalFile

MODEL_METAVAR: Final = "NAME|DIR"
"""How usage lines show a model; `completion_script` knows it by this."""

DETECTOR_FLAGS = (
    "model", "weights", "members", "exact", "proposals", "max_proposals", "voting_iou", "engine",
    "precision", "device",
)  # fmt: skip
"""Names of the options that `add_detector_flags` adds; None where they are not given."""


def add_model_flag(parser: argparse._ActionsContainer, what: str = "model") -> None:
    """Add ``--model``, which `model_arguments` reads."""
    parser.add_argument(
        "--model",
        metavar=MODEL_METAVAR,
        help=f"{what}: one that ships, by its name (the command models lists them), or a folder of"
        f" member files (default: {DEFAULT_MODEL})",
    )


def add_source_flags(parser: argparse.ArgumentParser, *, onnx: bool = True) -> None:
    """Add ``--model`` and, in its place, ``--weights``: files that are named one by one."""
    source = parser.add_mutually_exclusive_group()
    add_model_flag(source)
    source.add_argument(
        "--weights",
        type=Path,
        action="append",
        metavar="FILE",
        help="member file, in place of a model; may be repeated"
        + ("; or one ONNX file of export" if onnx else ""),
    )


def add_members_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--members``, which `model_arguments` and `loose_weights` read."""
    parser.add_argument(
        "--members",
        nargs="+",
        metavar="NAME",
        help="only these members of the model, by file name without suffix; the first one stands"
        " in front of the cascade (default: all, in the order of their names)",
    )


def add_detector_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `load_detector` reads."""
    add_source_flags(parser)
    add_members_flag(parser)
    add = parser.add_argument
    # fmt: off
    add("--exact", action="store_true", default=None,
        help="let all networks score every region, not only those that the first one finds worth"
        " it: slower (default: as the model says)")
    add("--proposals", type=Path, metavar="PATH",
        help="take the regions from this file or folder of propose instead of proposing any")
    add("--max-proposals", type=count_from_one, metavar="N",
        help="score at most N regions a picture (default: as the model says)")
    add("--voting-iou", type=share, metavar="IOU",
        help="move each box to the mean, weighted by scores, of the regions of its class that"
        " overlap it by IOU or more; 1 leaves boxes as proposed (default: as the model says)")
    add("--engine", choices=ENGINES,
        help="what runs the networks (default: OpenVINO on processors, PyTorch on GPUs)")
    add("--precision", choices=PRECISIONS,
        help="arithmetic of the networks (default: the fastest that the hardware has)")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: cuda where there is one)")
    # fmt: on


def model_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """Return what a command line says of a model, as `detector.members.models.open_model` takes it.

    A flag that is not given, or that the command does not have, is left out.
    """
    named = {name: vars(options).get(name) for name in ("model", "members")}
    return {name: value for name, value in named.items() if value is not None}


def loose_weights(options: argparse.Namespace) -> Sequence[Path] | None:
    """Return the files of ``--weights``; None where a model is asked for.

    Raises
    ------
    ValueError
        If ``--members`` is given, too.
    """
    if options.weights is not None and options.members is not None:
        raise ValueError("--members chooses among a model's members: leave it out with --weights")
    files: Sequence[Path] | None = options.weights
    return files


def load_detector(options: argparse.Namespace, **settings: float) -> Detector:
    """Return the detector of a command line; ``settings`` replace those of model or files."""
    from detector.config import Execution
    from detector.rcnn import Detector

    named = {"engine": options.engine, "precision": options.precision, "device": options.device}
    execution = Execution(**{key: value for key, value in named.items() if value is not None})
    given: dict[str, Any] = {**settings}
    for name in ("max_proposals", "voting_iou"):
        if (value := getattr(options, name)) is not None:
            given[name] = value
    if options.exact:
        given["cascade_threshold"] = 0
    if (files := loose_weights(options)) is not None:
        return Detector.load(*files, execution=execution, **given)
    return Detector.from_pretrained(**model_arguments(options), execution=execution, **given)


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
