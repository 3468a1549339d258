from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from detector.classes import ObjectClass, select_classes
from detector.commands.shared.results import (
    add_results_flag,
    check_names,
    result_targets,
    write_found,
)
from detector.detections.results import Detections

CLASSES = (*select_classes(["dog", "person"]), ObjectClass(777, "", "gnome"))
BOXES = np.array([[0, 0, 10, 20], [1, 2, 3, 4], [5, 5, 9, 9]], np.float32)
FOUND = Detections(BOXES, np.array([0.9, 0.8, 0.7], np.float32), np.arange(3), CLASSES, (40, 80))


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_results_flag(parser)
    return parser.parse_args(words)


def test_formats_come_with_their_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert result_targets(parsed()) == []
    targets = result_targets(parsed("--results", f"coco={out}=", "--results", f"yolo={out}"))
    assert targets == [("coco", Path(f"{out}=")), ("yolo", Path(out))]
    for wrong in (f"ilsvrc={out}", "coco", "coco=", f"={out}", ""):
        with pytest.raises(SystemExit):
            result_targets(parsed("--results", wrong), without={"ilsvrc"})
        message = f"must be FORMAT=PATH with one of coco, voc, csv, yolo, but is '{wrong}'"
        assert f"--results: {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("000000005001.jpg", 5001),
        ("COCO_val2014_000000000042.jpg", 42),
        ("street.jpg", "street"),
        ("7a.png", "7a"),
    ],
)
def test_coco_gets_its_own_numbers_of_pictures_and_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, number: int | str
) -> None:
    write_found("coco", tmp_path / "found.json", [(Path("any", name), FOUND)], CLASSES)
    records = json.loads((tmp_path / "found.json").read_text())
    assert [(one["image_id"], one["category_id"]) for one in records] == [(number, 18), (number, 1)]
    lost = f"{tmp_path / 'found.json'}: 1 detections left out, whose classes coco does not have\n"
    assert capsys.readouterr().out == lost


def test_formats_without_classes_of_their_own_keep_the_detectors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_found("csv", tmp_path / "found.csv", [(Path("a.jpg"), FOUND)], CLASSES)
    assert (tmp_path / "found.csv").read_text().splitlines()[-1] == "a,gnome,,0.699999988,5,5,9,9"
    write_found("voc", tmp_path / "voc", [(Path("a.jpg"), FOUND)], CLASSES)
    assert len(list((tmp_path / "voc").iterdir())) == 20
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'voc'}: 1 detections left out")


def test_pictures_of_one_name_are_refused() -> None:
    check_names([Path("a/b.jpg"), Path("a/c.jpg")])
    with pytest.raises(ValueError, match=r"would call both a/b\.jpg and c/b\.png b: detect on one"):
        check_names([Path("a/b.jpg"), Path("a.png"), Path("c/b.png")])
