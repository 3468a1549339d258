"""From the scores of regions to detections: floor, suppression, limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.classes import ObjectClass
from detector.config import DetectorConfig
from detector.detections.results import Detections
from proposals.nms import non_maximum_suppression


def select_detections(
    boxes_xyxy: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    classes: tuple[ObjectClass, ...],
    image_size: tuple[int, int],
    config: DetectorConfig,
) -> Detections:
    """Keep the best regions of every class.

    Every region is a candidate for every class: a floor on the score, suppression within
    the class, and a limit a class (R-CNN, section 2.2).

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
        Floor, threshold of suppression and limit.

    Returns
    -------
    Detections
    """
    kept_by_class = [
        _best_of_class(boxes_xyxy, probabilities[:, label + 1], config)
        for label in range(len(classes))
    ]
    labels = np.repeat(np.arange(len(classes)), [len(kept) for kept in kept_by_class])
    regions = np.concatenate([np.empty(0, np.int64), *kept_by_class])  # (K,)
    # Softmax and mean may round to a hair above 1.
    scores = np.minimum(probabilities[regions, labels + 1], np.float32(1))
    order = np.argsort(-scores, kind="stable")
    return Detections(
        boxes_xyxy=boxes_xyxy[regions[order]],
        scores=scores[order],
        labels=labels[order],
        classes=classes,
        image_size=image_size,
    )


def _best_of_class(
    boxes_xyxy: NDArray[np.float32], scores: NDArray[np.float32], config: DetectorConfig
) -> NDArray[np.int64]:
    """Return the indices ``(K,)`` of the regions that one class keeps, best first."""
    candidates = np.flatnonzero(scores >= config.min_score)
    kept = non_maximum_suppression(boxes_xyxy[candidates], scores[candidates], config.nms_iou)
    return candidates[kept[: config.max_detections_per_class]]
