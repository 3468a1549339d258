"""Detections as COCO-style JSON.

The document is one that ``pycocotools.coco.COCO`` loads; its ``annotations`` alone are a
results list for ``COCO.loadRes``. Boxes are ``[x, y, width, height]`` in pixels. An image that is
a frame of a video has the video's ``file_name``, and ``frame`` and ``seconds`` beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.classes import ObjectClass
from detector.detections.results import Detections, VideoFrame
from foundation.files import write_text


def coco_document(
    results: Sequence[tuple[str | VideoFrame, Detections]], classes: Sequence[ObjectClass]
) -> dict[str, Any]:
    """Return the detections of several images as a COCO document.

    Parameters
    ----------
    results : sequence of (str or VideoFrame, Detections)
        File name, or frame, and detections of each image; images are numbered from 1 in this
        order.
    classes : sequence of ObjectClass
        The categories, of which all detections are; their ``id`` is the category's. A detector's
        ``classes``, or those of them that were asked for.

    Returns
    -------
    dict
        With ``images``, ``categories`` and ``annotations``, ready for ``json``.

    Raises
    ------
    ValueError
        If an image's detections are of other classes, or its detector does not know them all.
    """
    annotations: list[dict[str, Any]] = []
    for image_id, (name, detections) in enumerate(results, start=1):
        found = {detections.classes[label] for label in detections.labels}
        if not found <= set(classes) <= set(detections.classes):
            raise ValueError(
                f"{_file_name(name)}: detections must be of the {len(classes)} given classes but"
                f" got others ({len(detections.classes)}): write each detector's own document"
            )
        first_id = len(annotations) + 1
        annotations += [
            {"id": first_id + index, "image_id": image_id, **_annotation(detections, index)}
            for index in range(len(detections))
        ]
    return {
        "images": [
            _image(image_id, name, detections)
            for image_id, (name, detections) in enumerate(results, start=1)
        ],
        "categories": [{"id": c.id, "name": c.name, "wnid": c.wnid} for c in classes],
        "annotations": annotations,
    }


def write_coco_json(
    path: str | Path,
    results: Sequence[tuple[str | VideoFrame, Detections]],
    classes: Sequence[ObjectClass],
) -> None:
    """Write ``coco_document`` to a file, whole or not at all."""
    write_text(path, json.dumps(coco_document(results, classes), indent=1) + "\n")


def _image(image_id: int, name: str | VideoFrame, detections: Detections) -> dict[str, Any]:
    height, width = detections.image_size
    image = {"id": image_id, "file_name": _file_name(name), "width": width, "height": height}
    if isinstance(name, VideoFrame):
        return {**image, "frame": name.frame, "seconds": round(name.seconds, 3)}
    return image


def _file_name(name: str | VideoFrame) -> str:
    return name.file_name if isinstance(name, VideoFrame) else name


def _annotation(detections: Detections, index: int) -> dict[str, Any]:
    x1, y1, x2, y2 = detections.boxes_xyxy[index].tolist()
    # float32 has seven digits; more would be noise.
    return {
        "category_id": detections.classes[detections.labels[index]].id,
        "bbox": [round(value, 3) for value in (x1, y1, x2 - x1, y2 - y1)],
        "area": round((x2 - x1) * (y2 - y1), 3),
        "iscrowd": 0,
        "score": round(float(detections.scores[index]), 7),
    }
