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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, open_split
from detector.commands.shared.progress import progress
from detector.commands.shared.values import count_from_one, output_file
from detector.training.config import TrainingConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detector.datasets import Dataset
    from detector.regions.warp import WarpConfig

_REGIONS_AN_IMAGE = 8


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="of training photographs, for example train")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--weights", type=Path, metavar="FILE", help="member file")
    which.add_argument("--multibox", type=Path, metavar="FILE", help="file of train-multibox")
    add("-o", "--out", type=output_file, metavar="FILE",
        help="file to write (default: over the one that is read)")
    add("--regions", type=count_from_one, metavar="N",
        default=TrainingConfig.calibration_regions,
        help="of a member: of photographs spread over the split, eight of each"
        " (default: %(default)s)")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Calibrate, and write the file; return the exit code."""
    path: Path = options.out or options.weights or options.multibox
    calibrated = _of_member if options.weights else _of_multibox
    photographs = calibrated(options, path)
    print(f"{path}: calibrated on {photographs} photographs")
    return 0


def _of_multibox(options: argparse.Namespace, path: Path) -> int:
    """Calibrate MultiBox's weights; return the number of photographs that were looked at."""
    from detector.training.calibration import IMAGES, calibrate_multibox
    from proposals.multibox.weights_file import read_multibox, write_multibox

    dataset = open_split(options)
    wanted = min(IMAGES, len(dataset))
    write_multibox(path, read_multibox(options.multibox))
    calibrate_multibox(path, _spread_images(dataset, wanted))
    return wanted


def _of_member(options: argparse.Namespace, path: Path) -> int:
    """Calibrate a member; return the number of photographs that were looked at."""
    from detector.members.file import load_member, save_member
    from detector.training.calibration import calibrate

    member = load_member(options.weights)
    images = open_split(options)
    wanted: int = min(-(-options.regions // _REGIONS_AN_IMAGE), len(images))
    windows = _windows(images, wanted, member.warp)
    ranges = calibrate(member, windows)
    save_member(path, replace(member, activation_ranges=ranges))
    return wanted


def _windows(images: Dataset, wanted: int, config: WarpConfig) -> Iterator[NDArray[np.uint8]]:
    """Yield the windows of each of some images spread over the data set."""
    from detector.regions.warp import warp_regions
    from proposals import SelectiveSearch

    propose = SelectiveSearch()
    for image in _spread_images(images, wanted):
        boxes = propose(image).boxes_xyxy
        spread = boxes[:: max(1, len(boxes) // _REGIONS_AN_IMAGE)][:_REGIONS_AN_IMAGE]
        yield warp_regions(image, spread, config)


def _spread_images(images: Dataset, wanted: int) -> Iterator[NDArray[np.uint8]]:
    from proposals import read_image

    with progress(wanted, "calibrating", "photograph") as advance_to:
        for done in range(wanted):
            yield read_image(images[done * len(images) // wanted].image_path)
            advance_to(done + 1)
