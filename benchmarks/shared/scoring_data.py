"""Objects and detections of the size of ILSVRC's second validation half, made up by a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.scoring import GroundTruth, Predictions

IMAGES, CLASSES = 10_000, 200
WIDTH, HEIGHT = 500, 375  # pixels
OBJECTS_AN_IMAGE = 2.75  # as in ILSVRC's validation images
CANDIDATES = 15  # classes that the background of one image is taken for
NEAR_OBJECTS = 0.3  # share of the detections

Boxes = NDArray[np.float32]


def make_data(detections: int, seed: int) -> tuple[GroundTruth, Predictions]:
    """Return objects of few classes an image, and detections of which some lie near them."""
    random = np.random.default_rng(seed)
    counts = 1 + random.poisson(OBJECTS_AN_IMAGE - 1, IMAGES)
    images = np.repeat(np.arange(IMAGES), counts)
    main_class = 1 + random.integers(0, CLASSES, IMAGES)
    others = 1 + random.integers(0, CLASSES, len(images))
    class_ids = np.where(random.random(len(images)) < 0.7, main_class[images], others)
    truth = GroundTruth(images, class_ids, _any_boxes(random, len(images)))
    return truth, _detections(random, truth, detections)


def _detections(random: np.random.Generator, truth: GroundTruth, count: int) -> Predictions:
    images = random.integers(0, IMAGES, count)
    candidates = 1 + random.integers(0, CLASSES, (IMAGES, CANDIDATES))
    class_ids = candidates[images, random.integers(0, CANDIDATES, count)]
    boxes = _any_boxes(random, count)
    scores = random.beta(1, 8, count)
    near = np.flatnonzero(random.random(count) < NEAR_OBJECTS)
    objects = random.integers(0, len(truth), len(near))
    images[near], class_ids[near] = truth.image_indices[objects], truth.class_ids[objects]
    boxes[near] = _moved(random, truth.boxes_xyxy[objects])
    scores[near] = random.beta(2, 3, len(near))
    # A detector writes image by image, and in one the surest first.
    order = np.lexsort((-scores, images))
    return Predictions(images[order], class_ids[order], boxes[order], scores[order])


def _any_boxes(random: np.random.Generator, count: int) -> Boxes:
    sides = np.array([WIDTH, HEIGHT]) * np.exp(random.uniform(np.log(0.05), 0, (count, 2)))
    corners = random.random((count, 2)) * (np.array([WIDTH, HEIGHT]) - sides)
    return np.hstack([corners, corners + sides]).astype(np.float32)


def _moved(random: np.random.Generator, boxes: Boxes) -> Boxes:
    sides = boxes[:, 2:] - boxes[:, :2]
    shifts = random.normal(0, 0.12, boxes.shape) * np.hstack([sides, sides])
    corners = np.sort((boxes + shifts).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    limits = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    return np.clip(corners, 0, limits).astype(np.float32)


def save_data(path: Path, truth: GroundTruth, found: Predictions) -> None:
    """Write objects and detections to an npz file."""
    np.savez(
        path,
        truth_images=truth.image_indices, truth_classes=truth.class_ids,
        truth_boxes=truth.boxes_xyxy, images=found.image_indices, classes=found.class_ids,
        boxes=found.boxes_xyxy, scores=found.scores,
    )  # fmt: skip


def load_data(path: Path) -> tuple[GroundTruth, Predictions]:
    """Read what `save_data` wrote."""
    with np.load(path, allow_pickle=False) as file:
        truth = GroundTruth(file["truth_images"], file["truth_classes"], file["truth_boxes"])
        return truth, Predictions(file["images"], file["classes"], file["boxes"], file["scores"])
