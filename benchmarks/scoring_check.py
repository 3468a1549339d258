"""Score a prediction file by all four protocols, and by pycocotools as its own examples use it.

Command: ``python benchmarks/scoring_check.py --root ILSVRC --split val --predictions
predictions_val.txt``; seconds. For pycocotools the objects and the detections are written as
JSON files, as COCO has them, and everything is left as it is by default. Its numbers must be
those of the protocol `coco`.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detector.datasets import DATASET_FORMATS, open_dataset
from detector.scoring import (
    PROTOCOLS,
    GroundTruth,
    ImageIndex,
    Predictions,
    evaluate_coco,
    gather_ground_truth,
    match,
    mean_ap_interval,
    read_predictions,
    score_outcomes,
)


def main() -> None:
    """Print a line a protocol, and pycocotools' own numbers beside ours."""
    options = parse()
    dataset = open_dataset(options.root, options.split, options.format)
    images = ImageIndex(dataset.image_ids, dataset.image_numbers)
    found = read_predictions(options.predictions, images, dataset.classes)
    truth = gather_ground_truth(enumerate(dataset), dataset.classes)
    class_ids = [c.id for c in dataset.classes]
    for protocol in PROTOCOLS:
        outcomes = match(truth, found, class_ids, protocol=protocol, image_count=len(dataset))
        found_map = mean_ap_interval(outcomes, score_outcomes(outcomes, class_ids))
        bounds = f"{found_map.low:.4f} to {found_map.high:.4f}"
        print(f"{protocol:8} {found_map.estimate:.4f}, 95 % interval {bounds}")
    ours = evaluate_coco(truth, found, class_ids, image_count=len(dataset))
    theirs, theirs_at_half = by_pycocotools(truth, found, class_ids, len(dataset))
    print(f"AP, 0.50 to 0.95: pycocotools {theirs!r}, ours {ours.mean_ap!r}")
    print(f"AP at 0.5:        pycocotools {theirs_at_half!r}, ours {ours.mean_ap_by_iou[0.5]!r}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--format", choices=DATASET_FORMATS, default="ilsvrc")
    parser.add_argument("--predictions", type=Path, required=True, help="text file of detections")
    return parser.parse_args()


def by_pycocotools(
    truth: GroundTruth, found: Predictions, class_ids: list[int], image_count: int
) -> tuple[float, float]:
    """Return what pycocotools prints first: AP over all IoUs, and at 0.5."""
    objects = records_of(truth)
    for record, area, crowd in zip(objects, truth.areas, truth.crowd, strict=True):
        record |= {"area": float(area), "iscrowd": int(crowd)}
    detections = records_of(found)
    for record, score in zip(detections, found.scores, strict=True):
        record["score"] = float(score)
    document = {
        "images": [{"id": index} for index in range(image_count)],
        "categories": [{"id": class_id, "name": str(class_id)} for class_id in class_ids],
        "annotations": objects,
    }
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        Path(folder, "truth.json").write_text(json.dumps(document), encoding="utf-8")
        Path(folder, "found.json").write_text(json.dumps(detections), encoding="utf-8")
        coco = COCO(f"{folder}/truth.json")
        evaluator = COCOeval(coco, coco.loadRes(f"{folder}/found.json"), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return float(evaluator.stats[0]), float(evaluator.stats[1])


def records_of(rows: GroundTruth | Predictions) -> list[dict[str, Any]]:
    """Return what COCO's files hold of objects and detections alike."""
    return [
        {"id": i, "image_id": image, "category_id": c, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for i, (image, c, (x1, y1, x2, y2)) in enumerate(
            zip(
                rows.image_indices.tolist(), rows.class_ids.tolist(), rows.boxes_xyxy.tolist(),
                strict=True,
            ),
            start=1,
        )
    ]  # fmt: skip


if __name__ == "__main__":
    main()
