"""COCO's results file: detections as a list in JSON.

One detection a record, ``{"image_id": 17, "category_id": 37, "bbox": [x, y, width, height],
"score": 0.97}``; what else a record holds is not looked at. A file that gzip packed is read
like any.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from detector.classes import ObjectClass
from detector.scoring.files.image_index import ImageIndex, ScoringFileError
from detector.scoring.records import DoubleArray, FloatArray, IntArray, Predictions

_MAX_BYTES: Final = 1 << 30  # some eight million detections
_LARGEST: Final = float(np.finfo(np.float32).max) / 2  # so that corners are float32, too
_KEYS: Final = ("image_id", "category_id", "bbox", "score")


def read_coco_results(
    path: Path | str, images: ImageIndex, classes: Sequence[ObjectClass]
) -> Predictions:
    """Read a results file; the order of the records is kept.

    Parameters
    ----------
    path : Path or str
    images : ImageIndex
        The images that the file may speak of, by number or by name.
    classes : sequence of ObjectClass
        The classes that it may speak of; ``category_id`` is `ObjectClass.id`.

    Raises
    ------
    ValueError
        If the file cannot be read, is or unpacks to more than 1 GiB, is no JSON, or a record is not as
        described; names the record, counted from 1.
    """
    from detector.datasets.reading.safe_json import read_json

    content = read_json(Path(path), max_bytes=_MAX_BYTES)
    if not isinstance(content, list):
        raise ScoringFileError(
            f"{path}: must be a list of detections, as of COCO.loadRes, but is"
            f" {reprlib.repr(content)}: of a whole document give the list under 'annotations' alone"
        )
    known = frozenset(one.id for one in classes)
    for number, record in enumerate(content, start=1):
        if problem := _problem_of(record, known):
            raise ScoringFileError(f"{path}, record {number}: {problem}")
    return Predictions(
        _located_images(path, content, images),
        np.array([record["category_id"] for record in content], np.int64),
        _corners(np.array([record["bbox"] for record in content], np.float64)),
        np.array([record["score"] for record in content], np.float64),
    )


def _problem_of(record: object, known_class_ids: frozenset[int]) -> str | None:
    """Return what is wrong with a record by itself, and how to put it right."""
    if not isinstance(record, dict) or not record.keys() >= set(_KEYS):
        return f"must hold {', '.join(_KEYS)}, but is {reprlib.repr(record)}"
    image_id, class_id, box, score = (record[key] for key in _KEYS)
    if type(image_id) not in (int, str):
        return f"image_id must be a number or a name, but is {reprlib.repr(image_id)}"
    if type(class_id) is not int or class_id not in known_class_ids:
        return f"category_id must be that of a known class, but is {reprlib.repr(class_id)}"
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        return f"bbox must be four finite numbers, x, y, width, height, but is {reprlib.repr(box)}"
    if box[2] < 0 or box[3] < 0:
        return f"width and height of bbox must not be negative, but it is {reprlib.repr(box)}"
    if not _is_number(score):
        return f"score must be a finite number, but is {reprlib.repr(score)}"
    return None


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -_LARGEST <= value <= _LARGEST  # type: ignore[operator]


def _located_images(
    path: Path | str, content: Sequence[dict[str, Any]], images: ImageIndex
) -> IntArray:
    keys = [str(record["image_id"]) for record in content]
    try:
        return images.indices_of(keys)
    except ValueError:
        for number, key in enumerate(keys, start=1):
            try:
                images.indices_of([key])
            except ValueError as error:
                raise ScoringFileError(f"{path}, record {number}: {error}") from error
        raise


def _corners(xywh: DoubleArray) -> FloatArray:
    boxes = xywh.reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
