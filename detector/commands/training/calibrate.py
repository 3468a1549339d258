"""Prepare a member file for 8-bit arithmetic: note how large its activations become.

Examples
--------
With regions of the training photographs, over the file itself:

    inception-rcnn calibrate --root ILSVRC --split train --weights member.safetensors

To another file:

    inception-rcnn calibrate --root ILSVRC --split train --weights old --out new

Files of train are calibrated already. 512 regions of Selective Search are looked at,
eight of each of 64 photographs spread over the split. The weights stay as they are.
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
    add("--weights", type=Path, required=True, metavar="FILE", help="member file")
    add("-o", "--out", type=output_file, metavar="FILE",
        help="member file to write (default: over the one of --weights)")
    add("--regions", type=count_from_one, metavar="N",
        default=TrainingConfig.calibration_regions,
        help="of photographs spread over the split, eight of each (default: %(default)s)")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Calibrate, and write the member; return the exit code."""
    from detector.members.file import load_member, save_member
    from detector.training.calibration import calibrate

    member = load_member(options.weights)
    images = open_split(options)
    wanted = min(-(-options.regions // _REGIONS_AN_IMAGE), len(images))
    windows = _windows(images, wanted, member.warp)
    ranges = calibrate(member, windows)
    path = options.out or options.weights
    save_member(path, replace(member, activation_ranges=ranges))
    print(f"{path}: calibrated on regions of {wanted} photographs")
    return 0


def _windows(images: Dataset, wanted: int, config: WarpConfig) -> Iterator[NDArray[np.uint8]]:
    """Yield the windows of each of some images spread over the data set."""
    from detector.regions.warp import warp_regions
    from proposals import SelectiveSearch, read_image

    propose = SelectiveSearch()
    with progress(wanted, "calibrating", "photograph") as advance_to:
        for done in range(wanted):
            image = read_image(images[done * len(images) // wanted].image_path)
            boxes = propose(image).boxes_xyxy
            spread = boxes[:: max(1, len(boxes) // _REGIONS_AN_IMAGE)][:_REGIONS_AN_IMAGE]
            yield warp_regions(image, spread, config)
            advance_to(done + 1)
