"""Write a detector's networks as one ONNX file, for other programs and for detect.

Examples
--------
The networks of the model that ships, and of one of your own:

    inception-rcnn export --out detector.onnx
    inception-rcnn export --model runs/mine --out mine.onnx

In 8-bit arithmetic, half the size again; the members must be calibrated:

    inception-rcnn export --out detector.onnx --arithmetic int8

Single files, averaged, and run back:

    inception-rcnn export --weights a.safetensors --weights b.safetensors --out both.onnx
    inception-rcnn detect street.jpg --weights both.onnx

Input "windows": (N, S, S, 3) uint8 RGB, regions as detector.regions.warp gives them; nothing is to
be subtracted. Outputs: "probabilities" (N, C + 1), the mean of the members' scores, and
"member_probabilities" (M, N, C + 1); column 0 is the background. Classes and settings are JSON
in the file's metadata under "inception-rcnn". Any runtime of opset 17 or later takes the file.
Exit codes: 0 done; 2 the command or an input cannot be used.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.detectors import (
    add_members_flag,
    add_source_flags,
    loose_weights,
    model_arguments,
)
from detector.commands.shared.values import output_file

if TYPE_CHECKING:
    from detector.members.member import Member


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_source_flags(parser, onnx=False)
    add_members_flag(parser)
    add = parser.add_argument
    # fmt: off
    add("--arithmetic", choices=("float32", "int8"), default="float32",
        help="of the convolutions (default: %(default)s)")
    add("-o", "--out", type=output_file, required=True, metavar="FILE", help="file to write")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Write the file, and say how large it is."""
    from detector.engines.onnx_file import save_onnx

    members = _members(options)
    save_onnx(options.out, members, eight_bits=options.arithmetic == "int8")
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {len(members)} member(s) in {options.arithmetic}, {size:.1f} MB")
    return 0


def _members(options: argparse.Namespace) -> Sequence[Member]:
    """Return the members to write; those of a model with the settings of its ensemble."""
    from detector.members.file import load_member
    from detector.members.models import open_model

    if (files := loose_weights(options)) is not None:
        return [load_member(path) for path in files]
    model = open_model(**model_arguments(options))
    return [replace(file.read(), detection=model.ensemble.detection) for file in model.members]
