"""MultiBox on OpenVINO against PyTorch: coverage, average recall and time, alone and merged.

    python benchmarks/multibox_engines.py --root ILSVRC --split val \
        --json benchmarks/results/multibox_engines.json

Every engine and arithmetic sees each image in turn. Coverage counts an object when any box has an
IoU of 0.5 with it; AR matches one to one. Merged is with the detector's Selective Search, whose
boxes are the same for all. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from shared.machine import describe_machine

from backbones import GoogLeNet
from backbones.graph import GoogLeNetMaps
from detector.datasets import ImageAnnotation, open_dataset
from proposals import Proposals, SelectiveSearch, read_image
from proposals.evaluation.report import GeneratorReport, Objects, Tally, report
from proposals.merging import SELECTIVE_SEARCH, merge
from proposals.multibox import (
    MultiBox,
    MultiBoxConfig,
    OpenVinoPredictor,
    TorchPredictor,
    load_multibox,
)
from proposals.multibox.weights_file import pretrained_path, read_settings
from proposals.ranking import pretrained_ranking

BASELINE = "torch float32"


def main() -> int:
    """Print one line for each engine and arithmetic."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, metavar="DIR")
    parser.add_argument("--split", required=True)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth image only")
    parser.add_argument("--weights", type=Path, default=pretrained_path(), metavar="FILE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    annotations = list(open_dataset(options.root, options.split, "ilsvrc"))[:: options.every]
    figures = measure(annotations, engines(options.weights))
    print_figures(figures)
    if options.json is not None:
        document = {
            "machine": describe_machine(),
            "split": options.split,
            "images": len(annotations),
            "engines": figures,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def engines(weights: Path) -> dict[str, MultiBox]:
    """Return MultiBox by engine and arithmetic; int8 where the weights are calibrated."""
    config, crops = MultiBoxConfig(), len(MultiBoxConfig().crops)
    made = {
        f"torch {name}": MultiBox(TorchPredictor(load_multibox(weights, GoogLeNet(1)), dtype))
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    }
    precisions = ["float32", "bfloat16"]
    if read_settings(weights).activation_ranges:
        precisions.append("int8")
    for precision in precisions:
        runs = OpenVinoPredictor(weights, GoogLeNetMaps(), images=crops, precision=precision)
        made[f"openvino {precision}"] = MultiBox(runs, config)
    return made


def measure(
    annotations: Iterable[ImageAnnotation], multiboxes: dict[str, MultiBox]
) -> dict[str, dict[str, float]]:
    """Return the figures of each engine and arithmetic."""
    search, ranking = SelectiveSearch(SELECTIVE_SEARCH), pretrained_ranking()
    tallies = {f"{name}{kind}": Tally() for name in multiboxes for kind in ("", ", merged")}
    truths = []
    for number, annotation in enumerate(annotations):
        image = read_image(annotation.image_path)
        truths.append((annotation.boxes_xyxy, annotation.class_keys))
        searched = search(image)
        names = list(multiboxes)
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            found, seconds = timed(multiboxes[name], image)
            tallies[name].add(found.boxes_xyxy, annotation.boxes_xyxy, seconds)
            both = merge(searched, found, ranking)
            tallies[f"{name}, merged"].add(both.boxes_xyxy, annotation.boxes_xyxy)
    reports = report(Objects.gather(truths), tallies, budgets=[300], baseline=BASELINE)
    return {
        name: {
            "seconds": statistics.median(tallies[name].seconds[1:]),
            **quality("", reports[name]),
            **quality("merged_", reports[f"{name}, merged"]),
        }
        for name in multiboxes
    }


def timed(multibox: MultiBox, image: NDArray[np.uint8]) -> tuple[Proposals, float]:
    """Return what is proposed, and the seconds that it took."""
    start = time.perf_counter()
    found = multibox(image)
    return found, time.perf_counter() - start


def quality(prefix: str, measured: GeneratorReport) -> dict[str, float]:
    """Return coverage and AR, of all boxes and of the first 300."""
    found = {}
    for budget in ("all", "300"):
        one = measured.by_budget[budget]
        found[f"{prefix}coverage_{budget}"] = one.any.at_50
        found[f"{prefix}ar_{budget}"] = one.one_to_one.average
    return found


def print_figures(figures: dict[str, dict[str, float]]) -> None:
    """Print the table."""
    print(f"{'engine':20} seconds  coverage     AR   merged: coverage     AR   of 300      AR")
    for name, row in figures.items():
        print(
            f"{name:20} {row['seconds']:7.3f} {row['coverage_all']:9.4f} {row['ar_all']:.4f}"
            f" {row['merged_coverage_all']:18.4f} {row['merged_ar_all']:.4f}"
            f" {row['merged_coverage_300']:8.4f}  {row['merged_ar_300']:.4f}"
        )


if __name__ == "__main__":
    sys.exit(main())
