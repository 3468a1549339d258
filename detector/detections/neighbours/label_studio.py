"""Detections as pre-annotations of Label Studio, to be corrected there.

A task holds the address of its picture and, as a prediction, rectangles in percent of the
picture's width and height. Label Studio's own example of object detection calls its tags ``label``
and ``image``; so do these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import numpy as np

from detector.classes import ObjectClass
from detector.datasets.label_studio import read_regions
from detector.datasets.problems import refuse
from detector.detections.neighbours.parts import (
    Found,
    Parts,
    class_names,
    known_scores,
    labels_of,
    parts_of,
)

_FROM, _TO = "label", "image"
_DIGITS: Final = 6  # of a percentage: in the widest picture, below a thousandth of a pixel


def label_studio_config(classes: Iterable[ObjectClass]) -> str:
    """Return the labelling interface of a project whose tasks ``to_label_studio`` makes, as XML."""
    labels = "".join(f"    <Label value={quoteattr(one.name)}/>\n" for one in classes)
    return (
        f'<View>\n  <Image name="{_TO}" value="${_TO}"/>\n'
        f'  <RectangleLabels name="{_FROM}" toName="{_TO}">\n'
        f"{labels}  </RectangleLabels>\n</View>\n"
    )


def to_label_studio(found: Found, image: str, model_version: str) -> dict[str, Any]:
    """Do what ``Detections.to_label_studio`` says."""
    regions = [_region(found, index, name) for index, name in enumerate(class_names(found))]
    prediction: dict[str, Any] = {"model_version": model_version, "result": regions}
    if regions:
        prediction["score"] = float(found.scores.mean())
    return {"data": {_TO: image}, "predictions": [prediction]}


def from_label_studio(
    task: Mapping[str, Any], classes: Sequence[ObjectClass], image_size: tuple[int, int]
) -> Parts:
    """Do what ``Detections.from_label_studio`` says."""
    predictions = task.get("predictions")
    if not (isinstance(predictions, list) and len(predictions) == 1):
        count = len(predictions) if isinstance(predictions, list) else "no list of"
        raise ValueError(f"a task must have one prediction but has {count} predictions")
    (prediction,) = predictions
    results = prediction.get("result") if isinstance(prediction, Mapping) else None
    regions = list(read_regions(Path("task"), "prediction", results, refuse))
    for region in regions:
        if region.image_size != tuple(image_size):
            raise ValueError(
                f"image_size must be the (height, width) {region.image_size} that the task states"
                f" but got {tuple(image_size)}"
            )
    scores = known_scores([region.score for region in regions], "Label Studio")
    labels = labels_of([region.name for region in regions], classes)
    return parts_of([region.box_xyxy for region in regions], scores, labels, classes, image_size)


def _region(found: Found, index: int, name: str) -> dict[str, Any]:
    height, width = found.image_size
    x1, y1, x2, y2 = found.boxes_xyxy[index].tolist()
    sides = np.array([x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height]) * 100
    x, y, box_width, box_height = (round(side, _DIGITS) for side in sides.tolist())
    return {
        "id": f"box-{index}",
        "type": "rectanglelabels",
        "from_name": _FROM,
        "to_name": _TO,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": float(found.scores[index]),
        "value": {
            "x": x,
            "y": y,
            "width": box_width,
            "height": box_height,
            "rotation": 0,
            "rectanglelabels": [name],
        },
    }
