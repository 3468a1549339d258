from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from detector.classes import select_classes
from detector.detections.coco_json import coco_document, write_coco_json
from detector.detections.results import Detections, VideoFrame

CLASSES = select_classes(["person", "dog"])
FOUND = Detections(
    boxes_xyxy=np.array([[0, 0, 5, 5], [2.5, 3, 40, 30]], np.float32),
    scores=np.array([0.9, 0.25], np.float32),
    labels=np.array([1, 0]),
    classes=CLASSES,
    image_size=(30, 40),
)
EMPTY = Detections.empty(CLASSES, (10, 20))


def test_no_images_give_a_document_with_the_categories_only() -> None:
    document = coco_document([], CLASSES)
    assert document["images"] == []
    assert document["annotations"] == []
    assert [category["name"] for category in document["categories"]] == ["person", "dog"]


def test_an_image_without_detections_is_listed_all_the_same() -> None:
    document = coco_document([("a.jpg", EMPTY)], CLASSES)
    assert document["images"] == [{"id": 1, "file_name": "a.jpg", "width": 20, "height": 10}]
    assert document["annotations"] == []


def test_boxes_are_written_as_corner_and_size_with_the_ids_of_image_and_class() -> None:
    document = coco_document([("a.jpg", EMPTY), ("b.jpg", FOUND), ("c.jpg", FOUND)], CLASSES)
    assert [row["id"] for row in document["annotations"]] == [1, 2, 3, 4]
    assert [row["image_id"] for row in document["annotations"]] == [2, 2, 3, 3]
    assert document["annotations"][1] == {
        "id": 2,
        "image_id": 2,
        "category_id": CLASSES[0].id,
        "bbox": [2.5, 3.0, 37.5, 27.0],
        "area": 1012.5,
        "iscrowd": 0,
        "score": 0.25,
    }


def test_detections_of_other_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"b\.jpg: detections must be of the 1 given classes"):
        coco_document([("b.jpg", FOUND)], CLASSES[:1])


def test_categories_may_be_those_that_were_asked_for() -> None:
    dogs = FOUND.of_classes("dog")
    document = coco_document([("a.jpg", EMPTY), ("b.jpg", dogs)], CLASSES[1:])
    assert [category["name"] for category in document["categories"]] == ["dog"]
    assert [row["category_id"] for row in document["annotations"]] == [CLASSES[1].id]


def test_categories_that_the_detector_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.jpg: detections must be of the 3 given classes"):
        coco_document([("a.jpg", EMPTY)], select_classes(["person", "dog", "car"]))


def test_a_frame_has_the_name_of_its_video_and_its_place() -> None:
    document = coco_document([(VideoFrame("a.mp4", 17, 0.68049), FOUND)], CLASSES)
    assert document["images"] == [
        {"id": 1, "file_name": "a.mp4", "width": 40, "height": 30, "frame": 17, "seconds": 0.68}
    ]
    assert [row["image_id"] for row in document["annotations"]] == [1, 1]
    with pytest.raises(ValueError, match=r"^a\.mp4: detections must be of the 1 given classes"):
        coco_document([(VideoFrame("a.mp4", 17, 0.68), FOUND)], CLASSES[:1])


def test_written_file_holds_the_document_and_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "found.json"
    write_coco_json(path, [("b.jpg", FOUND)], CLASSES)
    assert json.loads(path.read_text()) == coco_document([("b.jpg", FOUND)], CLASSES)
    assert list(path.parent.iterdir()) == [path]
