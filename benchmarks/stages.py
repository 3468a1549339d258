"""Time the stages of detection on pictures of a split: proposals, warp, network, selection.

Command: ``python benchmarks/stages.py --root ILSVRC --split val --every 9``. Prints the
median seconds an image of each stage and its share of their sum.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from detector.datasets import IlsvrcDet
from detector.rcnn import Detector, admit_regions, select_detections
from detector.warp import warp_regions
from proposals import read_image

STAGES = ("read", "proposals", "warp", "network", "selection")


def main() -> None:
    """Print one line a stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=9, help="every Nth image only")
    parser.add_argument("--weights", type=Path, action="append", help="member file")
    options = parser.parse_args()
    detector = Detector.load(*options.weights) if options.weights else Detector.from_pretrained()
    paths = [a.image_path for a in IlsvrcDet(options.root, options.split)[:: options.every]]
    time_stages(detector, paths[0])  # compiles kernels and fills caches
    report([time_stages(detector, path) for path in paths], detector)


def time_stages(detector: Detector, path: Path) -> dict[str, float]:
    """Detect on one picture; return the seconds of each stage, and the number of regions."""
    seconds = dict.fromkeys(STAGES, 0.0)
    mark = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal mark
        now = time.perf_counter()
        seconds[stage] += now - mark
        mark = now

    image = read_image(path)
    lap("read")
    image_size = (image.shape[0], image.shape[1])
    boxes = admit_regions(detector.propose(image), image_size, detector.config.max_proposals)
    lap("proposals")
    scores: list[NDArray[np.float32]] = []
    for start in range(0, len(boxes), detector.ensemble.execution.batch_size):
        batch = boxes[start : start + detector.ensemble.execution.batch_size]
        windows = warp_regions(image, batch, detector.ensemble.warp)
        lap("warp")
        scores.append(detector.ensemble.probabilities(windows).cpu().numpy())
        lap("network")
    probabilities = np.concatenate([np.empty((0, len(detector.classes) + 1)), *scores])
    select_detections(
        boxes, probabilities.astype(np.float32), detector.classes, image_size, detector.config
    )
    lap("selection")
    return {**seconds, "regions": len(boxes)}


def report(images: Iterable[dict[str, float]], detector: Detector) -> None:
    """Print the medians."""
    rows = list(images)
    medians = {stage: statistics.median(row[stage] for row in rows) for stage in STAGES}
    total = sum(medians.values())
    regions = statistics.median(row["regions"] for row in rows)
    print(
        f"{len(rows)} images, median of {regions:.0f} regions; {torch.get_num_threads()} threads of"
        f" {platform.processor() or platform.machine()}, torch {torch.__version__},"
        f" {len(detector.ensemble.members)} member(s)"
    )
    for stage, median in medians.items():
        print(f"{stage:10} {median:8.3f} s {median / total:6.1%}")
    print(f"{'sum':10} {total:8.3f} s; network {regions / medians['network']:.0f} regions a second")


if __name__ == "__main__":
    main()
