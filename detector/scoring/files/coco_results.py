"""COCO's results file: detections as a list in JSON, and the document that detect writes.

One detection a record, ``{"image_id": 17, "category_id": 37, "bbox": [x, y, width, height],
"score": 0.97}``; what else a record holds is not looked at. In a document, such records stand
under ``annotations`` and its own ``images`` and ``categories`` say what their numbers mean. A file
that gzip packed is read like any.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from detector.classes import ObjectClass
from detector.scoring.files.image_index import ImageIndex, ScoringFileError
from detector.scoring.records import DoubleArray, FloatArray, IntArray, Predictions

_MAX_BYTES: Final = 1 << 30  # some eight million detections
_LARGEST: Final = float(np.finfo(np.float32).max) / 2  # so that corners are float32, too
_KEYS: Final = ("image_id", "category_id", "bbox", "score")
_LISTS: Final = ("images", "categories", "annotations")
_OTHER_CLASS: Final = -1


def read_coco_results(
    path: Path | str, images: ImageIndex, classes: Sequence[ObjectClass]
) -> Predictions:
    """Read a results file or a document; the order of the records is kept.

    Parameters
    ----------
    path : Path or str
    images : ImageIndex
        The images that the file may speak of. A list names them by number or by name, a
        document by the file names of the pictures.
    classes : sequence of ObjectClass
        The classes that a list may speak of; ``category_id`` is `ObjectClass.id`. A document
        names its classes by WordNet id or by name; detections of others are left out.

    Raises
    ------
    ValueError
        If the file cannot be read, is or unpacks to more than 1 GiB, is no JSON, or a record is
        not as described; names the record, counted from 1.
    """
    from detector.datasets.reading.safe_json import read_json

    content = read_json(Path(path), max_bytes=_MAX_BYTES)
    if isinstance(content, dict) and content.keys() >= set(_LISTS):
        return _read_document(path, content, images, classes)
    if not isinstance(content, list):
        raise ScoringFileError(
            f"{path}: must be a list of detections, as of COCO.loadRes, or a document with"
            f" {', '.join(_LISTS)}, as of inception-rcnn detect --json, but is"
            f" {reprlib.repr(content)}"
        )
    _check_records(path, content, frozenset(one.id for one in classes))
    keys = [str(record["image_id"]) for record in content]
    try:
        image_indices = images.indices_of(keys)
    except ValueError:
        _refuse_unknown_image(path, keys, images)
        raise
    return _predictions(content, image_indices, [record["category_id"] for record in content])


def _read_document(
    path: Path | str,
    document: Mapping[str, Any],
    images: ImageIndex,
    classes: Sequence[ObjectClass],
) -> Predictions:
    index_of = {
        entry["id"]: _index_of_file(path, entry["file_name"], images)
        for entry in _entries(path, document, "images", "file_name")
    }
    id_by_key = {key: one.id for one in classes for key in (one.name, one.key)}
    class_of: dict[int, int] = {}
    for entry in _entries(path, document, "categories", "name"):
        keys = [key for key in (entry.get("wnid"), entry["name"]) if isinstance(key, str)]
        known = [id_by_key[key] for key in keys if key in id_by_key]
        class_of[entry["id"]] = known[0] if known else _OTHER_CLASS
    records = document["annotations"]
    if not isinstance(records, list):
        raise ScoringFileError(f"{path}: 'annotations' must be a list of detections")
    _check_records(path, records, frozenset(class_of))
    for number, record in enumerate(records, start=1):
        if record["image_id"] not in index_of:
            problem = f"image_id {record['image_id']!r} is that of no image of the file"
            raise ScoringFileError(f"{path}, record {number}: {problem}")
    found = [record for record in records if class_of[record["category_id"]] != _OTHER_CLASS]
    return _predictions(
        found,
        np.array([index_of[record["image_id"]] for record in found], np.int64),
        [class_of[record["category_id"]] for record in found],
    )


def _index_of_file(path: Path | str, file_name: str, images: ImageIndex) -> int:
    try:
        return images.index_of_file(file_name)
    except ValueError as error:
        raise ScoringFileError(f"{path}: {error}") from error


def _entries(
    path: Path | str, document: Mapping[str, Any], key: str, text: str
) -> list[dict[str, Any]]:
    """Return a list of a document, each entry of which has a number and a text."""
    entries = document[key]
    if not isinstance(entries, list):
        raise ScoringFileError(f"{path}: '{key}' must be a list, but is {reprlib.repr(entries)}")
    for number, entry in enumerate(entries, start=1):
        is_entry = isinstance(entry, dict) and type(entry.get("id")) is int
        if not is_entry or not isinstance(entry.get(text), str):
            raise ScoringFileError(
                f"{path}, '{key}' {number}: must hold a whole number 'id' and a text '{text}', but"
                f" is {reprlib.repr(entry)}"
            )
    return entries


def _check_records(path: Path | str, records: Sequence[Any], known: frozenset[int]) -> None:
    for number, record in enumerate(records, start=1):
        if problem := _problem_of(record, known):
            raise ScoringFileError(f"{path}, record {number}: {problem}")


def _predictions(
    records: Sequence[Mapping[str, Any]], image_indices: IntArray, class_ids: Sequence[int]
) -> Predictions:
    return Predictions(
        image_indices,
        np.array(class_ids, np.int64),
        _corners(np.array([record["bbox"] for record in records], np.float64)),
        np.array([record["score"] for record in records], np.float64),
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


def _refuse_unknown_image(path: Path | str, keys: Sequence[str], images: ImageIndex) -> None:
    for number, key in enumerate(keys, start=1):
        try:
            images.index_of(key)
        except ValueError as error:
            raise ScoringFileError(f"{path}, record {number}: {error}") from error


def _corners(xywh: DoubleArray) -> FloatArray:
    boxes = xywh.reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
