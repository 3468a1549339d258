from __future__ import annotations

import numpy as np
import pytest
import torchvision
from numpy.typing import NDArray
from torch import as_tensor

from detector.classes import select_classes
from detector.config import DetectorConfig
from detector.detections.selection import select_detections

CLASSES = select_classes(["person", "dog", "domestic cat"])


def random_boxes(count: int, seed: int = 0) -> NDArray[np.float32]:
    corners = np.random.default_rng(seed).uniform(0, 100, (count, 2, 2))
    return np.hstack([corners.min(axis=1), corners.max(axis=1)]).astype(np.float32)


def random_probabilities(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).dirichlet(np.ones(4), count).astype(np.float32)


def test_no_regions_select_no_detections() -> None:
    selected = select_detections(
        random_boxes(0), random_probabilities(3)[:0], CLASSES, (100, 100), DetectorConfig()
    )
    assert len(selected) == 0


def test_selection_equals_torchvisions_batched_suppression() -> None:
    boxes, probabilities = random_boxes(200), random_probabilities(200)
    config = DetectorConfig(min_score=0.1, max_detections_per_class=1000)
    selected = select_detections(boxes, probabilities, CLASSES, (100, 100), config)
    region, label = np.nonzero(probabilities[:, 1:] >= 0.1)
    kept = torchvision.ops.batched_nms(
        as_tensor(boxes[region]),
        as_tensor(probabilities[region, label + 1]),
        as_tensor(label),
        config.nms_iou,
    ).numpy()
    np.testing.assert_array_equal(selected.boxes_xyxy, boxes[region[kept]])
    np.testing.assert_array_equal(selected.labels, label[kept])
    np.testing.assert_array_equal(selected.scores, probabilities[region, label + 1][kept])


def test_each_class_keeps_at_most_its_limit_of_the_best() -> None:
    boxes, probabilities = random_boxes(200), random_probabilities(200)
    many = DetectorConfig(min_score=0, max_detections_per_class=1000, nms_iou=1)
    few = DetectorConfig(min_score=0, max_detections_per_class=2, nms_iou=1)
    everything = select_detections(boxes, probabilities, CLASSES, (100, 100), many)
    limited = select_detections(boxes, probabilities, CLASSES, (100, 100), few)
    assert len(everything) == 600
    assert np.bincount(limited.labels).tolist() == [2, 2, 2]
    for label in range(3):
        best = everything.scores[everything.labels == label][:2]
        np.testing.assert_array_equal(limited.scores[limited.labels == label], best)


def test_background_is_never_detected() -> None:
    probabilities = np.array([[0.97, 0.01, 0.01, 0.01]], np.float32)
    config = DetectorConfig(min_score=0.02)
    assert len(select_detections(random_boxes(1), probabilities, CLASSES, (100, 100), config)) == 0


def test_what_is_found_of_a_class_does_not_depend_on_the_others() -> None:
    boxes, probabilities = random_boxes(200), random_probabilities(200)
    config = DetectorConfig(min_score=0.1, max_detections_per_class=9)
    everything = select_detections(boxes, probabilities, CLASSES, (100, 100), config)
    for number, one in enumerate(CLASSES, start=1):
        alone = select_detections(boxes, probabilities[:, [0, number]], (one,), (100, 100), config)
        of_all = everything.of_classes(one.name)
        assert 0 < len(of_all) < len(everything)
        np.testing.assert_array_equal(of_all.boxes_xyxy, alone.boxes_xyxy)
        np.testing.assert_array_equal(of_all.scores, alone.scores)


def test_boxes_that_suppression_dropped_vote_on_those_it_kept() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 12, 10], [50, 0, 60, 10], [0, 0, 14, 10]], np.float32)
    scores = np.array([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.999, 0.001]], np.float32)
    config = DetectorConfig(min_score=0.01, voting_iou=0.5, voting_exponent=1)
    voted = select_detections(boxes, scores, CLASSES[:1], (100, 100), config)
    # The last box lies beneath the floor, and the third too far off.
    assert voted.boxes_xyxy.tolist() == [
        pytest.approx([0, 0, (0.8 * 10 + 0.4 * 12) / 1.2, 10]),
        [50, 0, 60, 10],
    ]
    np.testing.assert_array_equal(voted.scores, scores[[0, 2], 1])


def test_voting_moves_boxes_and_changes_nothing_else() -> None:
    boxes, probabilities = random_boxes(200), random_probabilities(200)
    plain, voted = (
        select_detections(
            boxes, probabilities, CLASSES, (100, 100), DetectorConfig(voting_iou=min_iou)
        )
        for min_iou in (1, 0.5)
    )
    np.testing.assert_array_equal(plain.scores, voted.scores)
    np.testing.assert_array_equal(plain.labels, voted.labels)
    assert (plain.boxes_xyxy != voted.boxes_xyxy).any()
