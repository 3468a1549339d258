from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from detector.classes import ObjectClass
from detector.scoring import ImageIndex, Predictions, read_coco_results, read_predictions
from detector.scoring.files.result_files import (
    RESULT_FORMATS,
    ResultFormat,
    ResultImage,
    ResultSet,
    check_result_path,
    write_results,
)

CLASSES = (
    ObjectClass(3, "n02958343", "car"),
    ObjectClass(9, "", "kite, big"),
    ObjectClass(12, "n02374451", "horse"),
)
IMAGES = (ResultImage("a", 17, (40, 80)), ResultImage("b/c d", 5, (100, 100)))
FOLDERS = ("voc", "yolo")


def results(*rows: tuple[int, int, tuple[float, ...], float]) -> ResultSet:
    predictions = Predictions(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[3] for row in rows], np.float64),
    )
    return ResultSet(predictions, IMAGES, CLASSES, "test")


SOME = results(
    (1, 9, (10, 20, 30.5, 40), 0.25), (0, 3, (0, 0, 80, 40), 0.75), (0, 3, (1, 2, 4, 7), 0.5)
)


def written(result_format: ResultFormat, folder: Path, what: ResultSet = SOME) -> dict[str, str]:
    """Return the files of a format with their content, by their names."""
    write_results(result_format, folder / "deep/out", what)
    assert [one.name for one in (folder / "deep").iterdir()] == ["out"]
    if result_format not in FOLDERS:
        return {"out": (folder / "deep/out").read_text(encoding="utf-8")}
    paths = [path for path in (folder / "deep/out").rglob("*") if path.is_file()]
    return {str(path.relative_to(folder / "deep/out")): path.read_text("utf-8") for path in paths}


@pytest.mark.parametrize("result_format", RESULT_FORMATS)
def test_nothing_found_is_written_too(tmp_path: Path, result_format: ResultFormat) -> None:
    files = written(result_format, tmp_path, results())
    if result_format == "coco":
        assert json.loads(files["out"]) == []
    if result_format == "csv":
        assert files["out"] == "image,class,wnid,score,xmin,ymin,xmax,ymax\n"
    if result_format == "ilsvrc":
        assert files["out"] == ""
    if result_format == "voc":
        assert len(files) == len(CLASSES)  # the devkit opens one a class
    if result_format == "yolo":
        assert {files.pop("labels/a.txt"), files.pop("labels/b/c d.txt")} == {""}
        assert files == {"classes.txt": "car\nkite, big\nhorse\n"}


def test_coco_reads_its_list(tmp_path: Path) -> None:
    written("coco", tmp_path)
    path = tmp_path / "deep/out"
    records = json.loads(path.read_text())
    expected: dict[str, Any] = {"image_id": 5, "category_id": 9, "score": 0.25}
    assert records[0] == expected | {"bbox": [10, 20, 20.5, 20]}
    truth = COCO()
    truth.dataset = {"images": [{"id": 5}, {"id": 17}], "categories": [], "annotations": []}
    truth.createIndex()
    assert len(truth.loadRes(str(path)).anns) == 3
    images = ImageIndex([one.name for one in IMAGES], [17, 5])
    path.rename(tmp_path / "out.json")
    found = read_coco_results(tmp_path / "out.json", images, CLASSES)
    assert found.boxes_xyxy.tolist() == SOME.predictions.boxes_xyxy.tolist()
    assert found.image_indices.tolist() == [1, 0, 0]


def test_an_image_without_number_goes_by_its_name(tmp_path: Path) -> None:
    images = (ResultImage('a"b', 'a"b', (40, 80)), IMAGES[1])
    named = ResultSet(SOME.predictions, images, CLASSES, "test")
    (file,) = written("coco", tmp_path, named).values()
    assert [one["image_id"] for one in json.loads(file)] == [5, 'a"b', 'a"b']
    with pytest.raises(ValueError, match="call images by the numbers of their list"):
        write_results("ilsvrc", tmp_path / "p.txt", named)
    assert not (tmp_path / "p.txt").exists()


def test_voc_has_a_file_a_class_with_pixels_from_1(tmp_path: Path) -> None:
    assert written("voc", tmp_path) == {
        "comp4_det_test_car.txt": "a 0.75 1 1 80 40\na 0.5 2 3 4 7\n",
        "comp4_det_test_kite, big.txt": "b/c d 0.25 11 21 30.5 40\n",
        "comp4_det_test_horse.txt": "",
    }


def test_the_devkit_of_ilsvrc_reads_its_lines(tmp_path: Path) -> None:
    (text,) = written("ilsvrc", tmp_path).values()
    assert text.splitlines()[0] == "5 9 0.25 10 20 29.5 39"
    images = ImageIndex([one.name for one in IMAGES], [17, 5])
    found = read_predictions(tmp_path / "deep/out", images, CLASSES)
    assert found.boxes_xyxy.tolist() == SOME.predictions.boxes_xyxy.tolist()


def test_csv_quotes_what_holds_a_comma(tmp_path: Path) -> None:
    (text,) = written("csv", tmp_path).values()
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[0]["class"] == "kite, big"
    assert rows[1] == {
        "image": "a", "class": "car", "wnid": "n02958343", "score": "0.75",
        "xmin": "0", "ymin": "0", "xmax": "80", "ymax": "40",
    }  # fmt: skip


def test_yolo_has_centres_and_sizes_in_shares_of_the_image(tmp_path: Path) -> None:
    files = written("yolo", tmp_path)
    assert files["labels/a.txt"] == "0 0.5 0.5 1 1 0.75\n0 0.03125 0.1125 0.0375 0.125 0.5\n"
    assert files["labels/b/c d.txt"] == "1 0.2025 0.3 0.205 0.2 0.25\n"


def test_nine_digits_tell_float32_apart(tmp_path: Path) -> None:
    box = (0.1, 1 / 3, 1234.5678, 77.7)
    (text,) = written("csv", tmp_path, results((0, 3, box, 0.5))).values()
    (row,) = csv.DictReader(text.splitlines())
    found = [np.float32(row[edge]) for edge in ("xmin", "ymin", "xmax", "ymax")]
    assert found == np.array(box, np.float32).tolist()


@pytest.mark.parametrize("result_format", RESULT_FORMATS)
def test_what_is_in_the_way_is_refused_beforehand(
    tmp_path: Path, result_format: ResultFormat
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a.txt").touch()
    with pytest.raises(ValueError, match="full: must be a"):
        check_result_path(result_format, tmp_path / "full")
    (tmp_path / "empty").mkdir()
    if result_format in FOLDERS:
        write_results(result_format, tmp_path / "empty", SOME)
        with pytest.raises(ValueError, match=r"a\.txt: must be a new or empty folder"):
            check_result_path(result_format, tmp_path / "full/a.txt")
    else:
        write_results(result_format, tmp_path / "full/a.txt", SOME)  # over what is there


@pytest.mark.parametrize("result_format", FOLDERS)
def test_a_failed_write_leaves_nothing(tmp_path: Path, result_format: ResultFormat) -> None:
    classes = (*CLASSES[:2], ObjectClass(12, "", "../horse"))
    images = (IMAGES[0], ResultImage("../b", 5, (100, 100)))
    with pytest.raises(ValueError, match="cannot be the name of a file: rename it"):
        write_results(
            result_format, tmp_path / "out", ResultSet(SOME.predictions, images, classes, "test")
        )
    assert list(tmp_path.iterdir()) == []
