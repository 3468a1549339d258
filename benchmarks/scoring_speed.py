"""Time the scoring of a million detections against pycocotools and faster-coco-eval.

Command: ``python benchmarks/scoring_speed.py --json benchmarks/results/scoring.json``; some seven
minutes on two cores, most of them pycocotools'. The data are made up by a seed, at the scale of
ILSVRC's second validation half: 10,000 images, 200 classes, 100 detections an image.

Each side runs in a process of its own, so that its peak memory is its own, and all take turns.
Timed is what follows once the data lie in memory in each side's own form: the making of
pycocotools' dictionaries and index is not in its seconds, the loading of our compiled kernels is
in ours. The others count AP at an IoU of 0.5 and one range of areas only, which is the least that
they can do. Sides:

ours               matching and average precision by the rules of ILSVRC DET
ours, cold         the same with an empty cache of compiled kernels, as in the first call ever
voc2007, voc       likewise by VOC's rules
pycocotools        COCOeval: evaluate and accumulate
faster-coco-eval   the same calls of that package; left out where it is not installed
interval           the interval of the mAP, after the matching and the score
resamples          1,000 bootstrap resamples, as ``compare`` takes them of each file
reading            a prediction file of the same detections
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.machine import describe_machine
from shared.scoring_data import CLASSES, IMAGES, load_data, make_data, save_data

Figures = dict[str, float]
CLASS_IDS = range(1, CLASSES + 1)
RESAMPLES = 1000
DATA, LINES = "data.npz", "predictions.txt"


def main() -> None:
    """Print a line a side, or measure one side in this process."""
    options = parse()
    if options.side:
        print(json.dumps(measure_here(options.side, options.folder)))
        return
    sides = [side for side in MEASURES if options.only is None or side in options.only]
    if find_spec("faster_coco_eval") is None:
        sides = [side for side in sides if side != "faster-coco-eval"]
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), options.detections, options.seed)
        rows: dict[str, list[Figures]] = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side in sides:
                rows[side].append(measure_apart(side, Path(folder)))
                print(side, rows[side][-1], file=sys.stderr, flush=True)
    figures = {side: median_of(measured) for side, measured in rows.items()}
    print_table(figures)
    if options.json:
        document = {"machine": describe_machine(), "images": IMAGES, "classes": CLASSES}
        document |= {"detections": options.detections, "seed": options.seed}
        document |= {"rounds": options.rounds, "sides": figures}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detections", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="of every side, in turns")
    parser.add_argument("--only", nargs="+", choices=tuple(MEASURES), help="these sides only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--side", choices=tuple(MEASURES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_files(folder: Path, detections: int, seed: int) -> None:
    """Write the data as arrays and as a prediction file."""
    from detector.scoring import write_predictions

    truth, found = make_data(detections, seed)
    save_data(folder / DATA, truth, found)
    write_predictions(folder / LINES, found, image_index())


def image_index() -> Any:  # noqa: ANN401 - imported where it is needed
    """Return the list of images that the prediction file speaks of."""
    from detector.scoring import ImageIndex

    numbers = range(1, IMAGES + 1)
    return ImageIndex([f"ILSVRC2013_val_{number:08}" for number in numbers], tuple(numbers))


def measure_apart(side: str, folder: Path) -> Figures:
    """Measure one side in a process of its own."""
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as empty:
        if side == "ours, cold":
            environment["NUMBA_CACHE_DIR"] = empty
        command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
        run = subprocess.run(  # noqa: S603 - this file
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
    figures: Figures = json.loads(run.stdout.splitlines()[-1])
    return figures


def measure_here(side: str, folder: Path) -> Figures:
    """Measure one side; give its seconds, the mAP it finds, and the peak of this process."""
    work = MEASURES[side](folder)
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    # Kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"seconds": seconds, "peak_gb": peak, "result": result}


Work = Callable[[], float]


def by_protocol(protocol: Any) -> Callable[[Path], Work]:  # noqa: ANN401 - a literal
    """Return what prepares our own scoring."""

    def prepare(folder: Path) -> Work:
        from detector.scoring import match, score_outcomes

        truth, found = load_data(folder / DATA)

        def work() -> float:
            outcomes = match(truth, found, CLASS_IDS, protocol=protocol, image_count=IMAGES)
            return score_outcomes(outcomes, CLASS_IDS).mean_ap

        return work

    return prepare


def interval(folder: Path) -> Work:
    """Prepare the interval; gives its width."""
    from detector.scoring import match, mean_ap_interval, score_outcomes

    truth, found = load_data(folder / DATA)
    outcomes = match(truth, found, CLASS_IDS, protocol="ilsvrc", image_count=IMAGES)
    score = score_outcomes(outcomes, CLASS_IDS)

    def work() -> float:
        known = mean_ap_interval(outcomes, score)
        return known.high - known.low

    return work


def resamples(folder: Path) -> Work:
    """Prepare the resampling; gives the width that 95 % of the mAPs span."""
    import numpy as np

    from detector.scoring import bootstrap_outcomes, match

    truth, found = load_data(folder / DATA)
    outcomes = match(truth, found, CLASS_IDS, protocol="ilsvrc", image_count=IMAGES)

    def work() -> float:
        drawn = bootstrap_outcomes(outcomes, CLASS_IDS, seed=0, resamples=RESAMPLES)
        return float(np.diff(np.quantile(drawn, [0.025, 0.975]))[0])

    return work


def reading(folder: Path) -> Work:
    """Prepare the reading of the prediction file; gives the number of detections."""
    from detector.scoring import read_predictions

    images = image_index()
    return lambda: len(read_predictions(folder / LINES, images))


def by_pycocotools(folder: Path) -> Work:
    """Prepare pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return coco_work(folder, COCO, COCOeval)


def by_faster_coco_eval(folder: Path) -> Work:
    """Prepare faster-coco-eval."""
    from faster_coco_eval import COCO, COCOeval_faster

    return coco_work(folder, COCO, COCOeval_faster)


def coco_work(folder: Path, coco: Any, evaluator_of: Any) -> Work:  # noqa: ANN401 - two packages
    """Make dictionaries and index; return what evaluates AP at 0.5 on all areas."""
    import numpy as np

    sides = []
    for rows in load_data(folder / DATA):
        side = coco()
        side.dataset = {
            "images": [{"id": image, "width": 500, "height": 375} for image in range(IMAGES)],
            "categories": [{"id": class_id, "name": str(class_id)} for class_id in CLASS_IDS],
            "annotations": coco_records(rows),
        }
        with redirect_stdout(io.StringIO()):
            side.createIndex()
        sides.append(side)

    def work() -> float:
        with redirect_stdout(io.StringIO()):
            evaluator = evaluator_of(*sides, "bbox")
            evaluator.params.iouThrs = np.array([0.5])
            evaluator.params.areaRng = [[0, 1e10]]
            evaluator.params.areaRngLbl = ["all"]
            evaluator.params.maxDets = [100]
            evaluator.evaluate()
            evaluator.accumulate()
        precision = evaluator.eval["precision"]
        return float(precision[precision > -1].mean())

    return work


def coco_records(rows: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - objects or detections
    """Return objects or detections as COCO has them."""
    xywh = rows.boxes_xyxy.astype("float64")
    xywh[:, 2:] -= xywh[:, :2]
    scores = getattr(rows, "scores", rows.class_ids)
    return [
        {
            "id": number, "image_id": image, "category_id": class_id, "bbox": box,
            "area": box[2] * box[3], "iscrowd": 0, "score": score,
        }
        for number, (image, class_id, box, score) in enumerate(
            zip(
                rows.image_indices.tolist(), rows.class_ids.tolist(), xywh.tolist(),
                scores.tolist(), strict=True,
            ),
            start=1,
        )
    ]  # fmt: skip


MEASURES: dict[str, Callable[[Path], Work]] = {
    "ours": by_protocol("ilsvrc"),
    "ours, cold": by_protocol("ilsvrc"),
    "voc2007": by_protocol("voc2007"),
    "voc": by_protocol("voc"),
    "pycocotools": by_pycocotools,
    "faster-coco-eval": by_faster_coco_eval,
    "interval": interval,
    "resamples": resamples,
    "reading": reading,
}


def median_of(rows: list[Figures]) -> Figures:
    """Return the median of each figure, and the spread of the seconds."""
    seconds = [row["seconds"] for row in rows]
    medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return {**medians, "least_seconds": min(seconds), "most_seconds": max(seconds)}


def print_table(figures: dict[str, Figures]) -> None:
    """Print a line a side; ratios are to ours."""
    ours = figures.get("ours", {}).get("seconds")
    print(f"{'side':17} {'seconds':>9} {'least':>8} {'most':>8} {'ratio':>7} {'peak GB':>8} result")
    for side, row in figures.items():
        ratio = "" if ours is None else f"{row['seconds'] / ours:.2f}"
        print(
            f"{side:17} {row['seconds']:9.3f} {row['least_seconds']:8.3f}"
            f" {row['most_seconds']:8.3f} {ratio:>7} {row['peak_gb']:8.3f} {row['result']:.6g}"
        )


if __name__ == "__main__":
    main()
