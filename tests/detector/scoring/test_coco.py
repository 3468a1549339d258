from __future__ import annotations

import io
from contextlib import redirect_stdout
from math import nan
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detector.scoring import (
    COCO_NUMBERS,
    GroundTruth,
    Predictions,
    evaluate_coco,
    match,
    score_outcomes,
)

IMAGES, CLASSES = 6, (3, 7, 90)


def random_boxes(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return boxes that often overlap; whole pixels, so that overlaps often are equal, too."""
    corners = random.integers(0, 30, (count, 2))
    sides = random.integers(1, 120, (count, 2)) * random.choice([1, 4], (count, 1))
    return np.hstack([corners, corners + sides]).astype(np.float32)


def random_truth(random: np.random.Generator, count: int) -> GroundTruth:
    boxes = random_boxes(random, count)
    return GroundTruth(
        random.integers(0, IMAGES, count),
        random.choice(CLASSES, count),
        boxes,
        crowd=random.random(count) < 0.2,
        areas=(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * random.uniform(0.3, 1, count),
    )


def random_predictions(random: np.random.Generator, truth: GroundTruth, count: int) -> Predictions:
    """Return detections, half of them near an object, with few different scores."""
    images, class_ids = random.integers(0, IMAGES, count), random.choice(CLASSES, count)
    boxes = random_boxes(random, count)
    if len(truth):
        near = np.flatnonzero(random.random(count) < 0.5)
        objects = random.integers(0, len(truth), len(near))
        images[near], class_ids[near] = truth.image_indices[objects], truth.class_ids[objects]
        moved = truth.boxes_xyxy[objects] + random.integers(-3, 4, (len(near), 4))
        boxes[near] = np.hstack([moved[:, :2], np.maximum(moved[:, 2:], moved[:, :2] + 1)])
    return Predictions(images, class_ids, boxes, random.integers(0, 8, count) / 8)


def stats_of_pycocotools(
    truth: GroundTruth, predictions: Predictions
) -> tuple[NDArray[np.float64], COCOeval]:
    """Return what pycocotools says when it is used as its own examples use it."""

    def xywh(box: NDArray[np.float32]) -> list[float]:
        x1, y1, x2, y2 = box.tolist()
        return [x1, y1, x2 - x1, y2 - y1]

    columns = (truth.image_indices, truth.class_ids, truth.crowd, truth.areas)
    objects: list[dict[str, Any]] = [
        {"id": i, "image_id": image, "category_id": c, "iscrowd": crowd, "area": area}
        | {"bbox": xywh(truth.boxes_xyxy[i - 1])}
        for i, (image, c, crowd, area) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), start=1
        )
    ]
    columns = (predictions.image_indices, predictions.class_ids, predictions.scores)
    results: list[dict[str, Any]] = [
        {"image_id": image, "category_id": c, "score": score, "bbox": xywh(box)}
        for image, c, score, box in zip(
            *(column.tolist() for column in columns), predictions.boxes_xyxy, strict=True
        )
    ]
    with redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = {
            "images": [{"id": i} for i in range(IMAGES)],
            "categories": [{"id": c, "name": str(c)} for c in CLASSES],
            "annotations": objects,
        }
        ground_truth.createIndex()
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(results), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.stats, evaluator


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("objects", "detections"), [(0, 5), (4, 1), (40, 150), (20, 2500)])
def test_the_numbers_are_those_of_pycocotools(seed: int, objects: int, detections: int) -> None:
    random = np.random.default_rng([seed, objects])
    truth = random_truth(random, objects)
    predictions = random_predictions(random, truth, detections)
    stats, evaluator = stats_of_pycocotools(truth, predictions)
    result = evaluate_coco(truth, predictions, CLASSES, image_count=IMAGES)
    assert list(result.numbers) == [number.name for number in COCO_NUMBERS]
    printed = [nan if value == -1 else value for value in stats.tolist()]
    assert np.array_equal(list(result.numbers.values()), printed, equal_nan=True)
    if stats[0] == -1:
        assert np.isnan(result.mean_ap)
        return
    assert result.mean_ap == stats[0]
    assert result.mean_ap_by_iou[0.5] == stats[1]
    assert result.mean_ap_by_iou[0.75] == stats[2]
    outcomes = match(truth, predictions, CLASSES, protocol="coco", image_count=IMAGES)
    score = score_outcomes(outcomes, CLASSES)
    assert score.mean_ap == pytest.approx(stats[1], abs=1e-15)
    for place, class_id in enumerate(CLASSES):
        precision = evaluator.eval["precision"][:, :, place, 0, 2]  # (T, 101)
        if precision[0, 0] == -1:
            assert np.isnan([score.ap_by_class[class_id], result.ap_by_class[class_id]]).all()
            continue
        assert score.ap_by_class[class_id] == pytest.approx(precision[0].mean(), abs=1e-15)
        assert result.ap_by_class[class_id] == pytest.approx(precision.mean(), abs=1e-15)
        recall = score.curves[class_id].recall
        reached = recall[-1] if len(recall) else 0
        assert reached == evaluator.eval["recall"][0, place, 0, 2]


def test_outcomes_at_all_thresholds_are_those_of_the_first() -> None:
    random = np.random.default_rng(0)
    truth = random_truth(random, 30)
    predictions = random_predictions(random, truth, 60)
    result = evaluate_coco(truth, predictions, CLASSES, image_count=IMAGES)
    alone = match(truth, predictions, CLASSES, protocol="coco", image_count=IMAGES)
    assert result.outcomes.found.tolist() == alone.found.tolist()
    assert result.outcomes.scores.tolist() == alone.scores.tolist()
    assert 0 < result.mean_ap < score_outcomes(alone, CLASSES).mean_ap


def test_where_thresholds_are_others_pycocotools_prints_nothing() -> None:
    truth = random_truth(np.random.default_rng(0), 9)
    found = random_predictions(np.random.default_rng(1), truth, 9)
    result = evaluate_coco(truth, found, CLASSES, image_count=IMAGES, iou_thresholds=[0.6])
    assert (result.numbers, list(result.mean_ap_by_iou)) == ({}, [0.6])


def test_classes_that_are_not_asked_for_and_the_blacklist_do_not_count() -> None:
    box = np.array([[0, 0, 10, 10]], np.float32)
    truth = GroundTruth(np.array([0, 1, 1]), np.array([3, 3, 7]), box.repeat(3, axis=0))
    found = Predictions(np.array([0]), np.array([3]), box, np.array([0.5]))
    result = evaluate_coco(truth, found, [3], frozenset({(1, 3)}), image_count=2)
    assert result.ap_by_class == {3: pytest.approx(1)}
    assert result.outcomes.object_image_indices.tolist() == [0]


def test_no_classes_and_no_images_have_no_mean() -> None:
    truth, found = random_truth(np.random.default_rng(0), 0), Predictions(*[np.zeros(0)] * 4)
    result = evaluate_coco(truth, found, [], image_count=0)
    assert result.mean_ap == pytest.approx(nan, nan_ok=True)
    assert result.ap_by_class == {}
