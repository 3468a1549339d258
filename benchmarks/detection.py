"""Time detection stage by stage and end to end, beside R-CNN as one would write it down.

Command: ``python benchmarks/detection.py --root ILSVRC --split val --every 9 --members voc9-1
--json FILE``; three quarters of an hour on two cores, most of it the plain loop's. Parts (all,
or those after ``--only``):

network   benchmarks/network_speed.py
stages    median seconds an image of each stage alone: reading, proposals, warp, network (all
          members, or the first of a cascade), others (the rest of a cascade, warp included),
          selection
growth    seconds against the number of regions and the size of the picture
plain     both detectors on the same pictures: seconds an image, and mAP
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from network_speed import measure_networks, print_networks
from numpy.typing import NDArray
from PIL import Image
from shared.machine import describe_machine
from shared.plain_loop import PlainLoop

from detector.cascade import survivors
from detector.config import DEFAULT_MODEL
from detector.datasets import IlsvrcDet, ImageAnnotation
from detector.detections.results import Detections
from detector.detections.selection import select_detections
from detector.engines import Piece, mean_scores
from detector.members.member import Member
from detector.members.models import open_model
from detector.pipeline import Prepared, score_by_member
from detector.rcnn import Detector, Task
from detector.regions.admit import admit_regions
from detector.scoring import gather_ground_truth, gather_predictions, match, score_outcomes
from proposals import read_image

PARTS = ("network", "stages", "growth", "plain")
REGION_COUNTS = (100, 300, 600, 1200)
WIDTHS = (500, 1000, 2000)  # pixels

Annotations = Sequence[ImageAnnotation]


def main() -> None:
    """Print the parts asked for, and write them."""
    options = parse()
    annotations = IlsvrcDet(options.root, options.split)[:: options.every]
    members = [file.read() for file in open_model(options.model, options.members).members]
    detector = Detector.from_pretrained(options.model, members=options.members)
    detector.detect(read_image(annotations[0].image_path))  # compiles kernels, fills caches
    measures: dict[str, Callable[[], Any]] = {
        "network": measure_networks,
        "stages": lambda: measure_stages(detector, annotations),
        "growth": lambda: measure_growth(detector, read_image(annotations[0].image_path)),
        "plain": lambda: measure_plain(detector, members, annotations),
    }
    document: dict[str, Any] = {"machine": describe_machine(), "engine": detector.engine.name}
    for part in options.only:
        document[part] = measures[part]()
        if part == "network":
            print_networks(document[part])
        else:
            print(part, json.dumps(document[part], indent=2))
        if options.json is not None:
            options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=9, help="every Nth image only")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder (default: shipped)")
    parser.add_argument("--members", nargs="+", help="of the model, by name (default: all)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


def measure_stages(detector: Detector, annotations: Annotations) -> dict[str, float]:
    """Return the median seconds of each stage alone, and the median number of regions."""
    rows = [stages_of(detector, annotation.image_path) for annotation in annotations]
    medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    medians["warp / network"] = medians["warp"] / medians["network"]
    return medians


def stages_of(detector: Detector, path: Path) -> dict[str, float]:
    """Detect on one picture, stage by stage; return the seconds of each."""
    marks = [time.perf_counter()]

    def lap() -> None:
        marks.append(time.perf_counter())

    image = read_image(path)
    lap()
    image_size = (image.shape[0], image.shape[1])
    boxes = admit_regions(detector.propose(image), image_size, detector.config)
    lap()
    engine, step = detector.engine, detector.engine.batch_size
    uploaded = engine.upload(image)
    starts = range(0, len(boxes), step)
    batches = [engine.warp([Piece(uploaded, boxes[start : start + step])]) for start in starts]
    lap()
    by_first = np.concatenate(list(engine.member_scores(batches)), axis=1)
    lap()
    scores = with_others(detector, image, boxes, by_first)
    lap()
    select_detections(boxes, scores, detector.classes, image_size, detector.config)
    lap()
    names = ("read", "proposals", "warp", "network", "others", "selection")
    seconds = [after - before for before, after in itertools.pairwise(marks)]
    return {**dict(zip(names, seconds, strict=True)), "regions": len(boxes)}


def with_others(
    detector: Detector,
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    by_first: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the mean scores ``(R, C + 1)``, after the other members of a cascade have scored."""
    scores = mean_scores(by_first)
    if detector.others is not None:
        going_on = survivors(scores, detector.config.cascade_threshold)
        (more,) = score_by_member([Prepared(None, image, boxes[going_on])], detector.others)
        scores[going_on] = mean_scores(np.concatenate([by_first[:, going_on], more.member_scores]))
    return scores


def measure_growth(detector: Detector, image: NDArray[np.uint8]) -> dict[str, dict[int, float]]:
    """Return seconds by number of regions, and by width of the picture with 300 regions."""
    boxes = detector.propose(image)
    by_regions = {
        count: least_seconds(lambda count=count: detector.score_regions(image, boxes[:count]))  # type: ignore[misc]
        for count in REGION_COUNTS
        if count <= len(boxes)
    }
    config = replace(detector.config, max_proposals=300)
    few = Detector(detector.engine, detector.proposer, config, detector.others)
    by_width = {}
    for width in WIDTHS:
        size = (width, round(width * image.shape[0] / image.shape[1]))
        larger = np.array(Image.fromarray(image).resize(size))
        by_width[width] = least_seconds(lambda larger=larger: few.detect(larger))  # type: ignore[misc]
    return {"regions": by_regions, "width": by_width}


def least_seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the least seconds of a few rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure_plain(
    detector: Detector, members: Sequence[Member], annotations: Annotations
) -> dict[str, float]:
    """Return seconds an image and mAP of both detectors, in turn on quarters of the pictures."""
    plain = PlainLoop(members)
    seconds = {"plain": 0.0, "detector": 0.0}
    found: dict[str, list[tuple[int, Detections]]] = {"plain": [], "detector": []}
    indexed = list(enumerate(annotations))
    for quarter in (indexed[part::4] for part in range(4)):
        for name, detect in (("plain", plain_all), ("detector", detector_all)):
            start = time.perf_counter()
            found[name] += detect(plain if name == "plain" else detector, quarter)
            seconds[name] += time.perf_counter() - start
    each = {f"{name} s/image": total / len(annotations) for name, total in seconds.items()}
    maps = {f"{name} mAP": mean_ap(detector, indexed, found[name]) for name in found}
    return {**each, "ratio": seconds["plain"] / seconds["detector"], **maps}


def plain_all(
    plain: PlainLoop, images: Sequence[tuple[int, ImageAnnotation]]
) -> list[tuple[int, Detections]]:
    """Detect on each picture by the plain loop."""
    return [(index, plain.detect(read_image(a.image_path))) for index, a in images]


def detector_all(
    detector: Detector, images: Sequence[tuple[int, ImageAnnotation]]
) -> list[tuple[int, Detections]]:
    """Detect on all pictures by the detector."""
    tasks = (Task(i, lambda a=a: (read_image(a.image_path), None)) for i, a in images)  # type: ignore[misc]
    return [(o.key, o.detections) for o in detector.detect_all(tasks) if o.detections]  # type: ignore[misc]


def mean_ap(
    detector: Detector,
    images: Sequence[tuple[int, ImageAnnotation]],
    found: Sequence[tuple[int, Detections]],
) -> float:
    """Return the mAP by ILSVRC's rules over the classes of the detector."""
    truth = gather_ground_truth(images, detector.classes)
    predictions = gather_predictions(sorted(found, key=lambda one: one[0]))
    class_ids = [c.id for c in detector.classes]
    image_count = 1 + max(index for index, _ in images)
    outcomes = match(truth, predictions, class_ids, protocol="ilsvrc", image_count=image_count)
    return score_outcomes(outcomes, class_ids).mean_ap


if __name__ == "__main__":
    main()
