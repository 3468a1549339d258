"""Detections of Roboflow's supervision (``supervision.Detections``).

Its conventions are those that its own readers of other detectors follow: boxes xyxy in pixels,
``class_id`` an index into the detector's classes, and their names in ``data["class_name"]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from detector.classes import ObjectClass
from detector.detections.neighbours.parts import Found, Parts, class_names, labels_of, parts_of

if TYPE_CHECKING:
    import supervision

_NAMES = "class_name"


def to_supervision(found: Found) -> supervision.Detections:
    """Do what ``Detections.to_supervision`` says."""
    import supervision

    return supervision.Detections(
        xyxy=found.boxes_xyxy.copy(),
        confidence=found.scores.copy(),
        class_id=found.labels.copy(),
        data={_NAMES: np.array(class_names(found), np.str_)},
    )


def from_supervision(
    found: supervision.Detections, classes: Sequence[ObjectClass], image_size: tuple[int, int]
) -> Parts:
    """Do what ``Detections.from_supervision`` says."""
    if len(found) == 0:  # an empty one of theirs may lack every part
        return parts_of([], [], [], classes, image_size)
    if found.confidence is None:
        raise ValueError(
            "supervision.Detections must have confidence but got none: they are annotations"
        )
    if _NAMES in found.data:
        labels = labels_of([str(name) for name in found.data[_NAMES]], classes)
    elif found.class_id is not None:
        labels = np.asarray(found.class_id, np.int64)
    else:
        raise ValueError('supervision.Detections must have class_id or data["class_name"]')
    return parts_of(found.xyxy, found.confidence, labels, classes, image_size)
