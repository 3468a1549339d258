from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from detector.classes import ObjectClass
from detector.scoring import ImageIndex, ScoringFileError, read_coco_results, read_detections

IMAGES = ImageIndex(["first", "folder/second", "139"], [11, 22, 33])
CLASSES = (ObjectClass(1, "n00007846", "person"), ObjectClass(90, "", "toothbrush"))
GOOD = {"image_id": 22, "category_id": 90, "bbox": [1, 2.5, 30, 40], "score": 0.25}


def written(folder: Path, content: object) -> Path:
    path = folder / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_an_empty_list_holds_no_detections(tmp_path: Path) -> None:
    assert len(read_coco_results(written(tmp_path, []), IMAGES, CLASSES)) == 0


def test_records_are_read_in_their_order_and_what_else_they_hold_is_not(tmp_path: Path) -> None:
    named = {**GOOD, "image_id": "first", "category_id": 1, "score": -3, "segmentation": None}
    found = read_coco_results(written(tmp_path, [GOOD, named]), IMAGES, CLASSES)
    assert found.image_indices.tolist() == [1, 0]
    assert found.class_ids.tolist() == [90, 1]
    assert found.boxes_xyxy.tolist() == [[1, 2.5, 31, 42.5]] * 2
    assert found.scores.tolist() == [0.25, -3]


def test_what_gzip_packed_is_told_by_its_content_and_the_format_by_its_name(
    tmp_path: Path,
) -> None:
    lines, records = b"22 90 0.25 1 2.5 30 41.5\n", json.dumps([GOOD]).encode()
    for name, content in {
        "a.txt": lines, "a.TXT.gz": gzip.compress(lines), "json": lines, "a.b.gz": lines,
        "a.json": records, "a.JSON.gz": gzip.compress(records), "b.json": gzip.compress(records),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
        found = read_detections(tmp_path / name, IMAGES, CLASSES)
        assert found.boxes_xyxy.tolist() == [[1, 2.5, 31, 42.5]]
        assert (found.image_indices.tolist(), found.class_ids.tolist()) == ([1], [90])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 44}, "image_id '44' is neither a number nor a name"),
        ({"image_id": 22.0}, "image_id must be a number or a name, but is 22.0"),
        ({"image_id": True}, "image_id must be a number or a name, but is True"),
        ({"category_id": 2}, "category_id must be that of a known class, but is 2"),
        ({"category_id": "90"}, "category_id must be that of a known class, but is '90'"),
        ({"category_id": [90]}, "category_id must be that of a known class"),
        ({"bbox": [1, 2, 3]}, "bbox must be four finite numbers"),
        ({"bbox": [1, 2, 3, "4"]}, "bbox must be four finite numbers"),
        ({"bbox": [1, 2, 3, True]}, "bbox must be four finite numbers"),
        ({"bbox": [1, 2, 3, 1e39]}, "bbox must be four finite numbers"),
        ({"bbox": [1, 2, 3, 10**400]}, "bbox must be four finite numbers"),
        ({"bbox": [1, 2, -3, 4]}, "width and height of bbox must not be negative"),
        ({"score": None}, "score must be a finite number, but is None"),
    ],
)
def test_a_damaged_record_is_refused_with_its_number(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = written(tmp_path, [GOOD, {**GOOD, **change}])
    with pytest.raises(ScoringFileError, match=message) as caught:
        read_coco_results(path, IMAGES, CLASSES)
    assert str(caught.value).startswith(f"{path}, record 2: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"annotations": [GOOD]}, "must be a list of detections.* or a document with images"),
        ([7], "record 1: must hold image_id, category_id, bbox, score, but is 7"),
        ([{"image_id": 22}], "record 1: must hold image_id, category_id, bbox, score"),
        ("[", "not JSON"),
        ('[{"image_id": 22, "category_id": 90, "bbox": [1, 2, 3, 4], "score": NaN}]', "NaN"),
        ('[{"image_id": 22, "image_id": 11}]', "twice"),
        ("[" * 100_000, "results.json"),
    ],
)
def test_what_is_no_such_list_is_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_coco_results(written(tmp_path, content), IMAGES, CLASSES)
    assert str(caught.value).startswith(f"{tmp_path / 'results.json'}")


DOCUMENT = {
    "images": [{"id": 1, "file_name": "any/folder/second.jpg"}, {"id": 2, "file_name": "139.png"}],
    "categories": [
        {"id": 37, "name": "human", "wnid": "n00007846"},
        {"id": 5, "name": "toothbrush", "wnid": ""},
        {"id": 9, "name": "car", "wnid": "n02958343"},
    ],
    "annotations": [
        {"id": 1, "image_id": 2, "category_id": 5, "bbox": [1, 2.5, 30, 40], "score": 0.25},
        {"id": 2, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1], "score": 0.5},
        {"id": 3, "image_id": 1, "category_id": 37, "bbox": [0, 0, 1, 1], "score": 0.75},
    ],
}


def test_the_document_of_detect_names_images_by_picture_and_classes_by_key(tmp_path: Path) -> None:
    found = read_coco_results(written(tmp_path, DOCUMENT), IMAGES, CLASSES)
    assert found.image_indices.tolist() == [2, 1]  # the car is of no class that is scored
    assert found.class_ids.tolist() == [90, 1]
    assert found.boxes_xyxy.tolist() == [[1, 2.5, 31, 42.5], [0, 0, 1, 1]]
    assert found.scores.tolist() == [0.25, 0.75]
    nothing: dict[str, list[object]] = {key: [] for key in DOCUMENT}
    assert len(read_coco_results(written(tmp_path, nothing), IMAGES, CLASSES)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": []}, "record 1: image_id 2 is that of no image of the file"),
        ({"images": [{"id": 1, "file_name": "third.jpg"}]}, "'third.jpg' is the picture of no im"),
        ({"images": [{"id": 1}]}, "'images' 1: must hold a whole number 'id' and a text"),
        ({"images": {}}, "'images' must be a list, but is {}"),
        ({"categories": []}, "record 1: category_id must be that of a known class, but is 5"),
        ({"categories": [7]}, "'categories' 1: must hold"),
        ({"categories": [{"id": True, "name": "a"}]}, "'categories' 1: must hold"),
        ({"annotations": {}}, "'annotations' must be a list"),
        ({"annotations": [{"image_id": 1}]}, "record 1: must hold image_id, category_id, bbox"),
    ],
)
def test_damaged_documents_are_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = written(tmp_path, DOCUMENT | change)
    with pytest.raises(ScoringFileError, match=message) as caught:
        read_coco_results(path, IMAGES, CLASSES)
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.json"):
        read_coco_results(tmp_path / "absent.json", IMAGES, CLASSES)
