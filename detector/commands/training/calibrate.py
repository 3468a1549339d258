"""Prepare weights for 8-bit arithmetic: note in their file how large activations become.

Examples
--------
With regions of the training photographs, over the file itself:

    inception-rcnn calibrate --root ILSVRC --split train --weights member.safetensors

To another file:

    inception-rcnn calibrate --root ILSVRC --split train --weights old --out new

MultiBox's weights, with 128 photographs spread over the split:

    inception-rcnn calibrate --root ILSVRC --split train --multibox multibox.safetensors

Files of train and train-multibox are calibrated already. Of a member, 512 regions of Selective
Search are looked at, eight of each of 64 photographs spread over the split. The weights stay as
they are.
Exit codes: 0 done; 2 the command or an input cannot be used.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag, open_split
from detector.commands.shared.progress import progress
from detector.commands.shared.values import count_from_one, output_file
from detector.training.config import TrainingConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detector.datasets import Dataset
    from detector.regions.warp_config import WarpConfig

_REGIONS_AN_IMAGE = 8


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="of training photographs, for example train")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--weights", type=Path, metavar="FILE", help="member file")
    which.add_argument("--multibox", type=Path, metavar="FILE", help="file of train-multibox")
    add("-o", "--out", type=output_file, metavar="FILE",
        help="file to write (default: over the one that is read)")
    add("--regions", type=count_from_one, metavar="N",
        help="of a member: of photographs spread over the split, eight of each"
        f" (default: {TrainingConfig.calibration_regions})")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Calibrate, and write the file; return the exit code."""
    if options.multibox and options.regions:
        refuse_usage("--regions is of members: leave it out with --multibox")
    path: Path = options.out or options.weights or options.multibox
    calibrated = _of_member if options.weights else _of_multibox
    photographs = calibrated(options, path)
    print(f"{path}: calibrated on {photographs} photographs")
    return 0


def _of_multibox(options: argparse.Namespace, path: Path) -> int:
    """Calibrate MultiBox's weights; return the number of photographs that were looked at."""
    from detector.training.calibration import IMAGES, calibrate_multibox, spread
    from proposals.multibox.weights_file import read_multibox, write_multibox

    dataset = open_split(options)
    places = spread(len(dataset), IMAGES)
    ranges = calibrate_multibox(options.multibox, _images(dataset, places))
    write_multibox(path, replace(read_multibox(options.multibox), activation_ranges=ranges))
    return len(places)


def _of_member(options: argparse.Namespace, path: Path) -> int:
    """Calibrate a member; return the number of photographs that were looked at."""
    from detector.members.file import load_member, save_member
    from detector.training.calibration import calibrate, spread

    member = load_member(options.weights)
    dataset = open_split(options)
    regions = options.regions or TrainingConfig.calibration_regions
    places = spread(len(dataset), -(-regions // _REGIONS_AN_IMAGE))
    ranges = calibrate(member, _windows(_images(dataset, places), member.warp))
    save_member(path, replace(member, activation_ranges=ranges))
    return len(places)


def _windows(
    images: Iterable[NDArray[np.uint8]], config: WarpConfig
) -> Iterator[NDArray[np.uint8]]:
    """Yield some windows of each image, (R, S, S, 3)."""
    from detector.regions.warp import warp_regions
    from detector.training.calibration import spread
    from proposals import SelectiveSearch

    propose = SelectiveSearch()
    for image in images:
        boxes = propose(image).boxes_xyxy
        yield warp_regions(image, boxes[spread(len(boxes), _REGIONS_AN_IMAGE)], config)


def _images(dataset: Dataset, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
    """Yield the photographs of some places of a data set."""
    from proposals import read_image

    with progress(len(places), "calibrating", "photograph") as advance_to:
        for done, place in enumerate(places, start=1):
            yield read_image(dataset[place].image_path)
            advance_to(done)
