from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.classes import ObjectClass, select_classes
from detector.datasets import ImageAnnotation
from detector.detections.results import Detections
from detector.scoring import GroundTruth, Predictions, gather_ground_truth, gather_predictions

DOG, CAR = select_classes(["dog", "car"])
BOX = [[1.0, 2.0, 3.0, 4.0]]


def test_no_images_gather_to_nothing() -> None:
    assert len(gather_ground_truth([], [DOG])) == 0
    assert len(gather_predictions([])) == 0


def test_objects_of_the_classes_are_gathered_with_their_image() -> None:
    boxes = np.array([[0, 0, 5, 5], [1, 1, 6, 6], [2, 2, 7, 7]], np.float32)
    full = ImageAnnotation("a", Path("a"), (9, 9), boxes, (DOG.wnid, "n00000000", CAR.wnid))
    bare = ImageAnnotation("b", Path("b"), (9, 9), boxes[:0], ())
    gathered = gather_ground_truth([(4, bare), (7, full)], [CAR, DOG])
    assert gathered.image_indices.tolist() == [7, 7]
    assert gathered.class_ids.tolist() == [DOG.id, CAR.id]
    assert gathered.boxes_xyxy.tolist() == boxes[[0, 2]].tolist()


def test_detections_are_gathered_with_the_ids_of_their_classes() -> None:
    found = Detections(
        boxes_xyxy=np.array([[0, 0, 5, 5], [1, 1, 6, 6]], np.float32),
        scores=np.array([0.9, 0.5], np.float32),
        labels=np.array([1, 0]),
        classes=(DOG, CAR),
        image_size=(9, 9),
    )
    gathered = gather_predictions([(3, Detections.empty((DOG, CAR), (9, 9))), (5, found)])
    assert gathered.image_indices.tolist() == [5, 5]
    assert gathered.class_ids.tolist() == [CAR.id, DOG.id]
    assert gathered.boxes_xyxy.tolist() == found.boxes_xyxy.tolist()
    assert gathered.scores.tolist() == found.scores.tolist()


@pytest.mark.parametrize(
    ("images", "classes", "boxes", "scores", "message"),
    [
        ([], [], BOX, [0.5], "image_indices must be 1 whole numbers"),
        ([0], [0.5], BOX, [0.5], "class_ids must be 1 whole numbers.* float64"),
        ([0], [-1], BOX, [0.5], "class_ids must not be negative"),
        ([0], [1], [[3, 2, 1, 4]], [0.5], "x1 <= x2"),
        ([0], [1], BOX, [], "scores must be 1 finite numbers"),
        ([0], [1], BOX, [np.nan], "scores must be 1 finite numbers"),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    images: list[int], classes: list[int], boxes: object, scores: list[float], message: str
) -> None:
    columns = np.array(images), np.array(classes), np.array(boxes, np.float32)
    with pytest.raises(ValueError, match=message):
        Predictions(*columns, np.array(scores))


def test_ground_truth_is_checked_likewise() -> None:
    with pytest.raises(ValueError, match="ground truth: class_ids must be 1"):
        GroundTruth(np.array([0]), np.array([1, 2]), np.array(BOX, np.float32))


def test_detections_take_the_ids_of_the_classes_that_are_given() -> None:
    found = Detections(
        boxes_xyxy=np.array([[0, 0, 5, 5], [1, 1, 6, 6]], np.float32),
        scores=np.array([0.9, 0.5], np.float32),
        labels=np.array([1, 0]),
        classes=(DOG, CAR),
        image_size=(9, 9),
    )
    of_voc = [ObjectClass(7, CAR.wnid, "car"), ObjectClass(5, "", "bottle")]
    gathered = gather_predictions([(5, found)], of_voc)
    assert gathered.class_ids.tolist() == [7]
    assert gathered.scores.tolist() == found.scores[:1].tolist()
