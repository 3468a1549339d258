"""Print what Selective Search makes of some pictures, stage by stage, as hashes.

Command: ``python benchmarks/shared/box_hashes.py FOLDER --threads 2``, with the folder of this
project in PYTHONPATH. The folder holds pictures as arrays (``.npy``) or as files; the answer is
one JSON object. ``same_boxes.py`` runs this in environments that have only what the search needs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from proposals import MODES, SelectiveSearch, read_image
from proposals.images import as_rgb_uint8
from proposals.selective_search.colour import COLOUR_SPACES, convert
from proposals.selective_search.working_size import to_width

_WIDTH = MODES["doubled"].working_width or 500
_DIGITS = 16  # that are kept of a hash


def main() -> None:
    """Print the hashes of every picture and stage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    pictures = sorted(options.pictures.iterdir())
    print(json.dumps({path.name: hashes(path, options.threads) for path in pictures}))


def hashes(path: Path, threads: int) -> dict[str, str]:
    """Return the hash of each stage of one picture, in the order in which they follow."""
    pixels = as_rgb_uint8(np.load(path)) if path.suffix == ".npy" else read_image(path)
    working = to_width(pixels, _WIDTH)
    stages = {"pixels": digest(pixels), "resized": digest(working)}
    stages |= {space: digest(convert(working, space)) for space in COLOUR_SPACES}
    for mode in MODES:
        found = SelectiveSearch(mode, threads=threads)(pixels)
        stages[f"boxes of {mode}"] = digest(found.boxes_xyxy, found.scores)
    return stages


def digest(*arrays: ArrayLike) -> str:
    """Return a hash of types, shapes and values."""
    together = hashlib.sha256()
    for array in map(np.ascontiguousarray, arrays):
        together.update(f"{array.dtype.str} {array.shape}".encode())
        together.update(array.tobytes())
    return together.hexdigest()[:_DIGITS]


if __name__ == "__main__":
    main()
