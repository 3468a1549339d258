"""Score one file of detections by every scorer, and say rule by rule why the numbers differ.

Command: ``python benchmarks/scorers_beside.py --root ILSVRC --split val --predictions
predictions_val.txt``; seconds for 270 photographs. Without a file, detections are made up by moving
the objects, with scores of one decimal, so that ties decide much.

Beginning with the rules of ILSVRC's devkit, one rule after another is exchanged for VOC's or COCO's
in plain loops (`shared/plain_rules.py`), and each line says what that changes. Where a set of rules
is that of a scorer, ours stands behind (`detector.scoring`). At the end come COCO's twelve numbers
by ours, by pycocotools as its examples use it and with levels of float32, and by torchmetrics (of
the extra ``bench``; left out where it is not there). `docs/agreement.md` explains the lines.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from shared.plain_rules import Rules, mean_average_precision

from detector.classes import select_classes
from detector.datasets import DATASET_FORMATS, detect_format, open_dataset
from detector.scoring import (
    COCO_NUMBERS,
    GroundTruth,
    ImageIndex,
    Predictions,
    Protocol,
    evaluate_coco,
    gather_ground_truth,
    match,
    read_detections,
    score_outcomes,
)

Step = tuple[str, dict[str, Any], Protocol | None]  # what changes, the switches, whose rules it is
START: Step = ("rules of ILSVRC's devkit", {}, "ilsvrc")
TO_VOC: tuple[Step, ...] = (
    ("an IoU of 0.5 finds any object", {"own_thresholds": False}, None),
    ("a detection whose best object is taken is false", {"second_choice": False}, None),
    ("difficult objects are neither asked for nor counted", {"skips_difficult": True}, None),
    ("equal scores rank by line, not by image", {"ties_by_image": False}, "voc"),
    ("precision is read at 11 recalls", {"levels": 11}, "voc2007"),
)
TO_COCO: tuple[Step, ...] = (
    ("an IoU of 0.5 finds any object", {"own_thresholds": False}, None),
    ("100 detections of a class in an image count", {"most": 100}, None),
    ("of objects of equal IoU the last is taken", {"last_of_equals": True}, None),
    ("precision is read at 101 recalls", {"levels": 101}, "coco"),
)


def main() -> None:
    """Print both ways from ILSVRC's rules, and COCO's numbers by all that compute them."""
    options = parse()
    given = options.format or detect_format(options.root)
    dataset = open_dataset(options.root, options.split, given, pictures=False)
    order = np.argsort(np.array(dataset.image_numbers, np.int64)).tolist()
    images = ImageIndex(
        [dataset.image_ids[i] for i in order], [dataset.image_numbers[i] for i in order]
    )
    classes = dataset.classes
    if options.classes:
        classes = select_classes(options.classes, classes)
    truth = gather_ground_truth(((i, dataset[at]) for i, at in enumerate(order)), classes)
    class_ids = [one.id for one in classes]
    if options.predictions is None:
        found = made_up(truth)
    else:
        found = read_detections(options.predictions, images, dataset.classes)
        found = found.where(np.isin(found.class_ids, class_ids))
    if len(found) == 0 or len(truth) == 0:
        raise SystemExit("no object or no detection of these classes: nothing to score")
    print(f"{len(images)} images, {len(truth)} objects, {len(found)} detections\n")
    for title, steps in (("To VOC", TO_VOC), ("To COCO", TO_COCO)):
        print_way(title, (START, *steps), truth, found, class_ids, len(images))
    print_coco(truth, found, class_ids, len(images))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--format", choices=DATASET_FORMATS, help="default: what the root shows")
    parser.add_argument(
        "--predictions", type=Path, help="any file of eval-map (default: made up from the objects)"
    )
    parser.add_argument("--classes", nargs="+", metavar="KEY", help="default: all")
    return parser.parse_args()


def made_up(truth: GroundTruth) -> Predictions:
    """Return three detections an object, moved at random, with scores of one decimal."""
    random = np.random.default_rng(0)
    rows = random.permutation(np.repeat(np.arange(len(truth)), 3))
    boxes = truth.boxes_xyxy[rows].astype(np.float64)
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = np.sort((boxes + random.normal(0, 0.18, boxes.shape) * sides).reshape(-1, 2, 2), axis=1)
    others = random.choice(np.unique(truth.class_ids), len(rows))
    return Predictions(
        truth.image_indices[rows],
        np.where(random.random(len(rows)) < 0.85, truth.class_ids[rows], others),
        moved.reshape(-1, 4).astype(np.float32),
        random.beta(2, 3, len(rows)).round(1),
    )


def print_way(
    title: str,
    steps: Sequence[Step],
    truth: GroundTruth,
    found: Predictions,
    class_ids: Sequence[int],
    image_count: int,
) -> None:
    """Print what each rule changes, and ours where the rules are complete."""
    print(f"{title:<54}  {'mAP':>8}  {'change':>8}  ours")
    rules, before = Rules(), None
    for what, switches, protocol in steps:
        rules = replace(rules, **switches)
        mean = mean_average_precision(truth, found, class_ids, rules)
        change = "" if before is None else f"{mean - before:+.6f}"
        ours = ""
        if protocol is not None:
            outcomes = match(truth, found, class_ids, protocol=protocol, image_count=image_count)
            score = score_outcomes(outcomes, class_ids).mean_ap
            ours = f"{score:.6f} ({protocol}, {score - mean:+.0e})"
        print(f"{what:<54}  {mean:>8.6f}  {change:>8}  {ours}".rstrip())
        before = mean
    print()


def print_coco(
    truth: GroundTruth, found: Predictions, class_ids: Sequence[int], image_count: int
) -> None:
    """Print COCO's twelve numbers by ours, pycocotools and torchmetrics."""
    columns = {
        "ours": list(
            evaluate_coco(truth, found, class_ids, image_count=image_count).numbers.values()
        ),
        "pycocotools": by_pycocotools(truth, found, class_ids, image_count),
    }
    if find_spec("torchmetrics") is not None:
        columns["in float32"] = by_pycocotools(
            truth, found, class_ids, image_count, levels_type=np.float32
        )
        columns["torchmetrics"] = by_torchmetrics(truth, found, image_count, marks=False)
        columns["with marks"] = by_torchmetrics(truth, found, image_count, marks=True)
    print(f"{'COCO':<6}" + "".join(f"  {name:>12}" for name in columns))
    for number, *values in zip(COCO_NUMBERS, *columns.values(), strict=True):
        print(f"{number.name:<6}" + "".join(f"  {value:>12.6f}" for value in values))


def by_pycocotools(
    truth: GroundTruth,
    found: Predictions,
    class_ids: Sequence[int],
    image_count: int,
    *,
    levels_type: type[np.floating[Any]] = np.float64,
) -> list[float]:
    """Return what pycocotools prints, used as its own examples use it.

    Its levels of recall and of IoU are rounded to a type: torchmetrics gives it some of float32.
    """
    objects = records_of(truth)
    for record, area, crowd in zip(objects, truth.areas, truth.crowd, strict=True):
        record |= {"area": float(area), "iscrowd": int(crowd)}
    detections = records_of(found)
    for record, score in zip(detections, found.scores, strict=True):
        record["score"] = float(score)
    with redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": index} for index in range(image_count)],
            "categories": [{"id": class_id, "name": str(class_id)} for class_id in class_ids],
            "annotations": objects,
        }
        coco.createIndex()
        evaluator = COCOeval(coco, coco.loadRes(detections), "bbox")
        for name in ("recThrs", "iouThrs"):
            rounded = getattr(evaluator.params, name).astype(levels_type)
            setattr(evaluator.params, name, rounded.astype(np.float64))
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return [float(value) for value in evaluator.stats]


def records_of(rows: GroundTruth | Predictions) -> list[dict[str, Any]]:
    """Return what COCO's files hold of objects and detections alike."""
    columns = (rows.image_indices.tolist(), rows.class_ids.tolist(), rows.boxes_xyxy.tolist())
    return [
        {"id": i, "image_id": image, "category_id": c, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for i, (image, c, (x1, y1, x2, y2)) in enumerate(zip(*columns, strict=True), start=1)
    ]


def by_torchmetrics(
    truth: GroundTruth, found: Predictions, image_count: int, *, marks: bool
) -> list[float]:
    """Return the numbers of torchmetrics, told of crowds and areas or not."""
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    def of_image(rows: GroundTruth | Predictions, image: int) -> dict[str, torch.Tensor]:
        here = rows.image_indices == image
        tensors = {
            "boxes": torch.from_numpy(rows.boxes_xyxy[here]),
            "labels": torch.from_numpy(rows.class_ids[here]),
        }
        if isinstance(rows, Predictions):
            tensors["scores"] = torch.from_numpy(rows.scores[here].astype(np.float32))
        elif marks:
            tensors["iscrowd"] = torch.from_numpy(rows.crowd[here].astype(np.int64))
            tensors["area"] = torch.from_numpy(rows.areas[here].astype(np.float32))
        return tensors

    metric = MeanAveragePrecision(backend="pycocotools")
    metric.warn_on_many_detections = False
    metric.update(
        [of_image(found, image) for image in range(image_count)],
        [of_image(truth, image) for image in range(image_count)],
    )
    values = metric.compute()
    keys = ["map", "map_50", "map_75", "map_small", "map_medium", "map_large"]
    keys += ["mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large"]
    return [float(values[key]) for key in keys]


if __name__ == "__main__":
    main()
