"""Measure Selective Search on a labelled split: boxes an image, coverage, seconds.

Command: ``python benchmarks/selective_search.py --root ILSVRC --split val``. Both modes see each
picture in turn, so that a busy machine slows them alike; quote the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.datasets import IlsvrcDet, ImageAnnotation
from proposals import MODES, SelectiveSearch, read_image
from proposals.coverage import covered


@dataclass
class Tally:
    """What one mode gave so far."""

    counts: list[int] = field(default_factory=list)
    covered_objects: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{statistics.mean(self.counts):6.0f} boxes an image, coverage at IoU 0.5"
            f" {statistics.mean(self.covered_objects):.4f} of {len(self.covered_objects)} objects,"
            f" median {statistics.median(self.seconds):.3f} s an image"
        )


def main() -> None:
    """Print one line a mode, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=1, help="every Nth image only")
    options = parser.parse_args()
    data_set = IlsvrcDet(options.root, options.split)
    tallies = measure(data_set[:: options.every], list(MODES))
    for mode, tally in tallies.items():
        print(f"{mode:8} {tally}")
    doubled, fast = tallies["doubled"], tallies["fast"]
    print(f"doubled gives {sum(doubled.counts) / sum(fast.counts):.3f} of the boxes of fast")


def measure(annotations: Iterable[ImageAnnotation], modes: Sequence[str]) -> dict[str, Tally]:
    """Run every mode on every picture."""
    searches = {mode: SelectiveSearch(mode) for mode in modes}
    tallies = {mode: Tally() for mode in modes}
    for annotation in annotations:
        image = read_image(annotation.image_path)
        for mode, search in searches.items():
            start = time.perf_counter()
            boxes = search(image).boxes_xyxy
            tallies[mode].seconds.append(time.perf_counter() - start)
            tallies[mode].counts.append(len(boxes))
            tallies[mode].covered_objects += covered(boxes, annotation.boxes_xyxy).tolist()
    return tallies


if __name__ == "__main__":
    main()
