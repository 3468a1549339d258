"""Scoring on trees of PASCAL VOC and COCO, as a user does it."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Tool = Callable[..., subprocess.CompletedProcess[str]]


def voc_tree(root: Path) -> None:
    """Write two images; the first holds a car and a difficult one, the second a bottle."""
    for folder in ("ImageSets/Main", "Annotations", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    (root / "ImageSets/Main/test.txt").write_text("000005\n2008_000002\n")
    objects = {
        "000005": [("car", 0, (1, 1, 50, 50)), ("car", 1, (51, 51, 100, 100))],
        "2008_000002": [("bottle", 0, (1, 1, 9, 9))],
    }
    for image_id, rows in objects.items():
        text = "<annotation><size><width>100</width><height>100</height></size>"
        for name, difficult, box in rows:
            tags = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
            corners = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
            text += f"<object><name>{name}</name><difficult>{difficult}</difficult>"
            text += f"<bndbox>{corners}</bndbox></object>"
        (root / f"Annotations/{image_id}.xml").write_text(text + "</annotation>")


def test_a_tree_of_voc_is_scored_with_its_difficult_objects(eval_map: Tool, tmp_path: Path) -> None:
    voc_tree(tmp_path / "VOC2007")
    # The difficult car, the other one, a false alarm; pixels from 0.
    lines = ["000005 7 0.9 50 50 99 99", "1 7 0.8 0 0 49 49", "2 7 0.7 0 0 49 49"]
    (tmp_path / "found.txt").write_text("\n".join(lines) + "\n")
    flags = ("--root", "VOC2007", "--split", "test")
    run = eval_map(tmp_path, *flags, "--predictions", "found.txt", "--protocol", "voc2007")
    assert run.returncode == 0, run.stderr
    *table, interval, warning = run.stdout.splitlines()
    assert table == [
        "2 of 2 images; 20 classes of the data set; rules of voc2007",
        "det_id  wnid       name    objects  detections      AP",
        "     5  -          bottle        1           0  0.0000",
        "     7  n02958343  car           1           2  1.0000",
        "no objects, hence no AP: det_id 1-4, 6, 8-20",
        "mAP 0.5000 over 2 classes (18 without objects left out)",
    ]
    assert interval.startswith("95 % interval 0.")
    assert warning.endswith("too few to rely on an AP: bottle 1, car 1")


def coco_tree(root: Path) -> None:
    """Write images out of order, random objects of three classes, crowds, and results."""
    random = np.random.default_rng(0)
    (root / "annotations").mkdir(parents=True)
    (root / "val").mkdir()
    images = [{"id": i, "file_name": f"{i:06}.jpg", "height": 200, "width": 300} for i in (9, 2, 5)]
    boxes = np.hstack([random.integers(0, 100, (90, 2)), random.integers(10, 100, (90, 2))])
    rows = [
        {
            "image_id": int(random.choice([2, 5, 9])),
            "category_id": int(random.choice([3, 4, 90])),
            "bbox": box,
        }
        for box in boxes.tolist()
    ]
    objects = [
        row | {"id": i, "area": row["bbox"][2] * 9, "iscrowd": int(i % 5 == 0)}
        for i, row in enumerate(rows[:40], start=1)
    ]
    # Few different scores, so that the order of images decides.
    results = [row | {"score": i % 3 / 4} for i, row in enumerate(rows[20:])]
    names = {3: "car", 4: "motorcycle", 90: "toothbrush"}
    categories = [{"id": number, "name": name} for number, name in names.items()]
    document = {"images": images, "annotations": objects, "categories": categories}
    (root / "annotations/instances_val.json").write_text(json.dumps(document))
    (root / "found.json").write_text(json.dumps(results))


def test_a_tree_of_coco_scores_as_pycocotools_does_on_its_files(
    eval_map: Tool, tmp_path: Path
) -> None:
    coco_tree(tmp_path)
    with redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "annotations/instances_val.json"))
        evaluator = COCOeval(coco, coco.loadRes(str(tmp_path / "found.json")), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    mean, at_half, at_more = evaluator.stats[:3].tolist()
    assert 0 < mean < at_more < at_half < 1
    flags = ("--root", ".", "--split", "val", "--format", "coco", "--protocol", "coco")
    run = eval_map(tmp_path, *flags, "--predictions", "found.json", "--json", "ap.json")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-4:-2] == [
        f"mAP {at_half:.4f} over 3 classes",
        f"That is at an IoU of 0.5; at 0.75 it is {at_more:.4f}, over 0.50 to 0.95 {mean:.4f}",
    ]
    written = json.loads((tmp_path / "ap.json").read_text())
    assert abs(written["mAP"] - at_half) < 1e-12
