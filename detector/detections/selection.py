"""From the scores of regions to detections: floor, suppression, limit, voting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.classes import ObjectClass
from detector.config import DetectorConfig
from detector.detections.results import Detections
from detector.detections.voting import vote
from proposals.nms import non_maximum_suppression


def select_detections(
    boxes_xyxy: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    classes: tuple[ObjectClass, ...],
    image_size: tuple[int, int],
    config: DetectorConfig,
) -> Detections:
    """Keep the best regions of every class, and let the others vote on their boxes.

    Every region is a candidate for every class: a floor on the score, suppression within
    the class, and a limit a class (R-CNN, section 2.2); then voting among the candidates.

    Parameters
    ----------
    boxes_xyxy : (R, 4) float32 array
        Regions inside the image.
    probabilities : (R, C + 1) float32 array
        Their scores; column 0 is the background.
    classes : tuple of ObjectClass
        The C classes.
    image_size : (int, int)
        Height and width of the image.
    config : DetectorConfig
        Floor, threshold of suppression, limit, and how to vote.

    Returns
    -------
    Detections
    """
    parts = [
        _best_of_class(boxes_xyxy, probabilities[:, label + 1], config)
        for label in range(len(classes))
    ]
    boxes = np.concatenate([np.empty((0, 4), np.float32), *(part.boxes_xyxy for part in parts)])
    scores = np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)])
    labels = np.repeat(np.arange(len(classes)), [len(part.scores) for part in parts])
    order = np.argsort(-scores, kind="stable")
    return Detections(
        boxes_xyxy=boxes[order],
        scores=scores[order],
        labels=labels[order],
        classes=classes,
        image_size=image_size,
    )


class _OfClass(NamedTuple):
    """What one class keeps, best first."""

    boxes_xyxy: NDArray[np.float32]  # (K, 4)
    scores: NDArray[np.float32]  # (K,)


def _best_of_class(
    boxes_xyxy: NDArray[np.float32], scores: NDArray[np.float32], config: DetectorConfig
) -> _OfClass:
    candidates = scores >= config.min_score
    # Softmax and mean may round to a hair above 1.
    boxes, scores = boxes_xyxy[candidates], np.minimum(scores[candidates], np.float32(1))
    kept = non_maximum_suppression(boxes, scores, config.nms_iou)[: config.max_detections_per_class]
    if config.voting_iou == 1:
        return _OfClass(boxes[kept], scores[kept])
    voting = {"min_iou": config.voting_iou, "exponent": config.voting_exponent}
    return _OfClass(vote(boxes[kept], boxes, scores, **voting), scores[kept])
