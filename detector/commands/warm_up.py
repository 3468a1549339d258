"""Compile ahead what the first detection would: kernels and networks, into the user's cache.

Examples
--------
Once, after the installation:

    inception-rcnn warm-up

For a model of your own:

    inception-rcnn warm-up --model runs/mine

In the recipe of a container image, built on a processor of the kind that it will run on:

    ENV XDG_CACHE_HOME=/opt/cache
    RUN inception-rcnn warm-up

What was compiled stands in the folder inception-rcnn of XDG_CACHE_HOME, or of ~/.cache where that
is not set. It may be deleted at any time. Another version of the program, other weights or another
processor find nothing there that is not theirs, and compile anew.
Exit codes: 0 done; 1 nothing can be stored there; 2 the model cannot be used.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.detectors import add_model_flag, model_arguments


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_model_flag(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Compile, and say what was written where; return the exit code."""
    from detector.warm_up import warm_up

    start = time.monotonic()
    folders = warm_up(**model_arguments(options))
    if not folders:
        print(
            "nothing can be stored; set XDG_CACHE_HOME to a folder that can be written",
            file=sys.stderr,
        )
        return 1
    for folder in folders:
        print(f"{_megabytes(folder):6.1f} MB  {folder}")
    print(f"warm after {time.monotonic() - start:.0f} s")
    return 0


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6
