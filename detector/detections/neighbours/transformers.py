"""Results of the object-detection pipeline of Hugging Face's transformers.

They are plain lists of dicts of one image: ``{"score": 0.98, "label": "cat", "box": {"xmin": 4,
"ymin": 50, "xmax": 316, "ymax": 474}}``, the box in whole pixels. The package itself is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detector.classes import ObjectClass
from detector.detections.neighbours.parts import Found, Parts, class_names, labels_of, parts_of

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def to_transformers(found: Found) -> list[dict[str, Any]]:
    """Do what ``Detections.to_transformers`` says."""
    boxes = np.rint(found.boxes_xyxy).astype(int).tolist()
    return [
        {"score": score, "label": name, "box": dict(zip(_SIDES, box, strict=True))}
        for score, name, box in zip(found.scores.tolist(), class_names(found), boxes, strict=True)
    ]


def from_transformers(
    found: Sequence[Mapping[str, Any]], classes: Sequence[ObjectClass], image_size: tuple[int, int]
) -> Parts:
    """Do what ``Detections.from_transformers`` says."""
    try:
        boxes = [[one["box"][side] for side in _SIDES] for one in found]
        scores = [one["score"] for one in found]
        names = [one["label"] for one in found]
    except (TypeError, KeyError) as error:
        raise ValueError(
            "results of the pipeline must be a list of dicts with score, label and box (xmin,"
            f" ymin, xmax, ymax), those of one image, but {error!r} is wrong"
        ) from error
    return parts_of(boxes, scores, labels_of(names, classes), classes, image_size)
