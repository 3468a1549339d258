from __future__ import annotations

import numpy as np
import pytest

from detector.classes import select_classes
from detector.config import DetectorConfig
from detector.pipeline import MemberScored, Prepared
from detector.training.split_scores import SplitScores, gather_scores

CLASSES = select_classes(["dog", "car"])
DOG, CAR = (one.id for one in CLASSES)


def scored(height: int, lefts: list[int], dog: list[float]) -> MemberScored:
    """Return an image of boxes in a row; the second of two members says the opposite."""
    boxes = np.array([[left, 0, left + 10, 10] for left in lefts], np.float32).reshape(-1, 4)
    first = np.array([[0, p, 1 - p] for p in dog], np.float32).reshape(-1, 3)
    image = np.zeros((height, 100, 3), np.uint8)
    return MemberScored(Prepared(height, image, boxes), np.stack([first, first[:, [0, 2, 1]]]))


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="one or more images"):
        gather_scores([])


def test_images_stand_one_after_the_other() -> None:
    images = [scored(30, [0, 40], [0.9, 0.2]), scored(31, [], []), scored(32, [70], [0.6])]
    found = gather_scores(images)
    assert found.image_sizes.tolist() == [[30, 100], [31, 100], [32, 100]]
    assert found.counts.tolist() == [2, 0, 1]
    assert found.boxes_xyxy[:, 0].tolist() == [0, 40, 70]
    assert found.member_scores.shape == (2, 3, 3)
    np.testing.assert_allclose(found.member_scores[0, :, 1], [0.9, 0.2, 0.6])
    np.testing.assert_allclose(found.member_scores[1, :, 2], [0.9, 0.2, 0.6])


def test_detections_are_those_of_each_image_alone() -> None:
    # The boxes of an image overlap too much to stand side by side; those of two images do not.
    images = [scored(30, [0, 1], [0.9, 0.2]), scored(31, [], []), scored(32, [1], [0.6])]
    split = gather_scores(images)
    found = split.predictions(split.member_scores[0], CLASSES, DetectorConfig())
    rows = zip(
        found.image_indices, found.class_ids, found.boxes_xyxy[:, 0], found.scores, strict=True
    )
    assert [(i, c, x, round(s, 3)) for i, c, x, s in rows] == [
        (0, DOG, 0, 0.9),
        (0, CAR, 1, 0.8),
        (2, DOG, 1, 0.6),
        (2, CAR, 1, 0.4),
    ]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="must be of one number of images and regions"):
        SplitScores(
            image_sizes=np.ones((1, 2), np.int64),
            counts=np.array([2]),
            boxes_xyxy=np.zeros((1, 4), np.float32),
            member_scores=np.zeros((1, 2, 3), np.float32),
        )
