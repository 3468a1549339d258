"""Scoring on trees of PASCAL VOC and COCO, as a user does it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
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


def test_difficult_objects_alone_are_nothing_to_score_by_vocs_rules(
    eval_map: Tool, tmp_path: Path
) -> None:
    voc_tree(tmp_path / "tree")
    shutil.rmtree(tmp_path / "tree/JPEGImages")  # no protocol looks at pictures
    annotation = tmp_path / "tree/Annotations/000005.xml"
    annotation.write_text(annotation.read_text().replace(">0</difficult>", ">1</difficult>"))
    (tmp_path / "found.txt").write_text("1 7 0.5 0 0 49 49\n")
    flags = ("--root", "tree", "--split", "test", "--predictions", "found.txt", "--classes", "car")
    run = eval_map(tmp_path, *flags, "--protocol", "voc")
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert "hold no object of the 1 classes but 2 that the rules of voc do not" in run.stderr
    assert eval_map(tmp_path, *flags, "--protocol", "ilsvrc").returncode == 0


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
    # COCO's rules, as the tree is COCO's.
    flags = ("--root", ".", "--split", "val", "--predictions", "found.json")
    run = eval_map(tmp_path, *flags, "--json", "ap.json", "--report", "report")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0] == "3 of 3 images; 3 classes of the data set; rules of coco"
    assert lines[-17] == f"AP {mean:.4f} over 3 classes; the mean of IoUs from 0.50 to 0.95"
    printed = [(line.split()[0], line.split()[-1]) for line in lines[-15:-3]]
    stats = [None if value == -1 else value for value in evaluator.stats.tolist()]
    assert None in stats  # no object is of medium size
    names = ["AP", "AP50", "AP75", "APs", "APm", "APl"]
    names += ["AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
    shown = ["nan" if value is None else f"{value:.4f}" for value in stats]
    assert printed == list(zip(names, shown, strict=True))
    assert lines[-3].startswith(f"AP50 {at_half:.4f}, 95 % interval ")
    written = json.loads((tmp_path / "ap.json").read_text())
    assert written["mAP"] == written["COCO"]["AP"] == mean
    assert written["COCO"] == dict(zip(names, stats, strict=True))
    assert sum(written["AP"].values()) / 3 == pytest.approx(mean)
    page = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    assert f"<title>AP {mean:.3f}: found.json</title>" in page
    assert f"explains: {at_half:.3f}, 95 % interval" in page
    assert "The twelve numbers of COCO" in page
    other = eval_map(tmp_path, *flags, "--protocol", "ilsvrc")
    assert "\nmAP " in other.stdout
