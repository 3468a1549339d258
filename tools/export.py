"""Write a detector's networks as one ONNX file, for other programs and for tools/detect.py.

Examples
--------
The networks that come with the package:

    python tools/export.py --out detector.onnx

In 8-bit arithmetic, half the size again; the members must be calibrated:

    python tools/export.py --out detector.onnx --arithmetic int8

Networks of your own, averaged, and run back:

    python tools/export.py --weights a.safetensors --weights b.safetensors --out both.onnx
    python tools/detect.py street.jpg --weights both.onnx

Input "windows": (N, S, S, 3) uint8 RGB, regions as detector.regions.warp gives them; nothing is to
be subtracted. Outputs: "probabilities" (N, C + 1), the mean of the members' scores, and
"member_probabilities" (M, N, C + 1); column 0 is the background. Classes and settings are JSON
in the file's metadata under "inception-rcnn". Any runtime of opset 17 or later takes the file.
Exit codes: 0 done; 2 the command or an input cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import _common


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool with these command-line arguments; return the exit code."""
    options = _parser().parse_args(arguments)
    with _common.errors_as_lines():
        from detector.engines.onnx_file import save_onnx
        from detector.members.file import load_member
        from detector.members.pretrained import pretrained_paths

        members = [load_member(path) for path in options.weights or pretrained_paths()]
        save_onnx(options.out, members, eight_bits=options.arithmetic == "int8")
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {len(members)} member(s) in {options.arithmetic}, {size:.1f} MB")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _common.teaching_parser(__doc__)
    add = parser.add_argument
    # fmt: off
    add("--weights", type=Path, action="append", metavar="FILE",
        help="member file; may be repeated (default: the weights that come with the package)")
    add("--arithmetic", choices=("float32", "int8"), default="float32",
        help="of the convolutions (default: %(default)s)")
    add("--out", type=_common.output_file, required=True, metavar="FILE", help="file to write")
    # fmt: on
    return parser


if __name__ == "__main__":
    sys.exit(main())
