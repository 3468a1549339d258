"""Detections of Voxel51's FiftyOne (``fiftyone.Detections``).

Its boxes are ``[x, y, width, height]`` as shares of the image's width and height.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detector.classes import ObjectClass
from detector.detections.neighbours.parts import (
    Found,
    Parts,
    class_names,
    known_scores,
    labels_of,
    parts_of,
)

if TYPE_CHECKING:
    import fiftyone


def to_fiftyone(found: Found) -> fiftyone.Detections:
    """Do what ``Detections.to_fiftyone`` says."""
    import fiftyone

    x1, y1, x2, y2 = (found.boxes_xyxy / _scale(found.image_size)).T
    shares_xywh = np.stack([x1, y1, x2 - x1, y2 - y1], axis=1)  # (N, 4)
    return fiftyone.Detections(
        detections=[
            fiftyone.Detection(label=name, bounding_box=box, confidence=score)
            for name, box, score in zip(
                class_names(found), shares_xywh.tolist(), found.scores.tolist(), strict=True
            )
        ]
    )


def from_fiftyone(
    found: fiftyone.Detections, classes: Sequence[ObjectClass], image_size: tuple[int, int]
) -> Parts:
    """Do what ``Detections.from_fiftyone`` says."""
    each = found.detections
    scores = known_scores([one.confidence for one in each], "FiftyOne")
    shares = np.array([one.bounding_box for one in each], np.float64).reshape(-1, 4)
    corners = np.concatenate([shares[:, :2], shares[:, :2] + shares[:, 2:]], axis=1)
    labels = labels_of([one.label for one in each], classes)
    return parts_of(corners * _scale(image_size), scores, labels, classes, image_size)


def _scale(image_size: tuple[int, int]) -> NDArray[np.float64]:
    height, width = image_size
    return np.array([width, height, width, height], np.float64)
