"""The file of an evaluation, from which two detectors are compared without pictures and tree.

``inception-rcnn eval-map --json`` writes it and ``inception-rcnn compare`` reads it. It is JSON::

    {"mAP": 0.5,
     "AP": {"37": 0.5, "124": null},
     "format": "inception-rcnn evaluation",
     "version": 1,
     "name": "theirs.txt",
     "protocol": "ilsvrc",
     "images": {"count": 3, "names": ["a", "b", "c"]},
     "classes": [{"id": 37, "wnid": "n02958343", "name": "car"}, ...],
     "detections": {"37": {"images": [0, 2], "scores": [0.9, 0.25], "found": [1, 0]}, ...},
     "objects": {"37": [0, 1], ...}}

Classes are keyed by their id. ``images`` and ``objects`` hold places in the list of names, from
0: one a detection, and one an object that is asked for. ``found`` is 1 where a detection finds
an object. Detections stand by descending score; of equal scores, the earlier one ranks first.

By COCO's rules ``mAP`` and ``AP`` are means over the IoUs from 0.50 to 0.95, and one more key holds
what pycocotools prints, with null for its -1::

     "COCO": {"AP": 0.31, "AP50": 0.6791, ..., "ARl": 0.52},

``detections`` then say what is found at an IoU of 0.5.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeGuard

import numpy as np

from detector.classes import ObjectClass
from detector.datasets.annotation import DatasetError
from detector.datasets.reading.safe_json import read_json
from detector.scoring.coco import COCO_NUMBERS, CocoResult
from detector.scoring.evaluation import Evaluation
from detector.scoring.files.image_index import ScoringFileError
from detector.scoring.outcomes import PROTOCOLS, Outcomes, Protocol
from detector.scoring.protocols import score_outcomes
from detector.scoring.records import BoolArray, DoubleArray, IntArray
from foundation.files import whole_file

_FORMAT: Final = "inception-rcnn evaluation"
_VERSION: Final = 1

_KEYS: Final = (
    "mAP", "AP", "format", "version", "name", "protocol", "images", "classes", "detections",
    "objects",
)  # fmt: skip
_COCO: Final = "COCO"
_ID_LIMIT: Final = 1 << 31
_LONGEST: Final = 60  # characters of a value in a message
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_BYTES: Final = 1 << 30  # some 50 million detections


def write_evaluation(
    path: Path | str, evaluation: Evaluation, coco: CocoResult | None = None
) -> None:
    """Write an evaluation with the average precisions that follow; it appears when complete.

    Scores have nine significant digits: enough to tell any two float32 apart. ``coco`` is what
    pycocotools says of an evaluation by COCO's rules.
    """
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write("{")
        for number, (key, text) in enumerate(_texts(evaluation, coco)):
            file.write(f'{"," if number else ""}\n  "{key}": {text}')
        file.write("\n}\n")


def _texts(evaluation: Evaluation, coco: CocoResult | None) -> Iterator[tuple[str, str]]:
    """Yield each key of the file with its value as JSON."""
    outcomes, ids = evaluation.outcomes, [one.id for one in evaluation.classes]
    score = score_outcomes(outcomes, ids) if coco is None else coco
    yield "mAP", _json(_or_null(score.mean_ap))
    yield "AP", _json({str(one): _or_null(score.ap_by_class[one]) for one in ids})
    if coco is not None:
        yield _COCO, _json({name: _or_null(value) for name, value in coco.numbers.items()})
    yield "format", _json(_FORMAT)
    yield "version", _json(_VERSION)
    yield "name", _json(evaluation.name)
    yield "protocol", _json(outcomes.protocol)
    yield "images", _json({"count": outcomes.image_count, "names": evaluation.image_ids})
    named = [{"id": one.id, "wnid": one.wnid, "name": one.name} for one in evaluation.classes]
    yield "classes", _json(named)
    yield "detections", _lines(_detections(outcomes, ids))
    objects = {one: outcomes.object_image_indices[outcomes.object_class_ids == one] for one in ids}
    yield "objects", _lines({one: _json(images.tolist()) for one, images in objects.items()})


def _detections(outcomes: Outcomes, class_ids: Sequence[int]) -> dict[int, str]:
    ranking = np.argsort(-outcomes.scores, kind="stable")
    ranked_ids = outcomes.class_ids[ranking]
    return {one: _detections_of(outcomes, ranking[ranked_ids == one]) for one in class_ids}


def _detections_of(outcomes: Outcomes, rows: IntArray) -> str:
    images = _json(outcomes.image_indices[rows].tolist())
    scores = ",".join([f"{score:.9g}" for score in outcomes.scores[rows].tolist()])
    found = _json(outcomes.found[rows].astype(int).tolist())
    return f'{{"images":{images},"scores":[{scores}],"found":{found}}}'


def _lines(texts: Mapping[int, str]) -> str:
    return "{" + ",".join(f'\n    "{key}": {text}' for key, text in texts.items()) + "\n  }"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _or_null(value: float) -> float | None:
    return None if isnan(value) else value


def read_evaluation(path: Path | str) -> Evaluation:
    """Read an evaluation; everything in the file is checked.

    Raises
    ------
    ScoringFileError
        If the file cannot be read, is of another format or version, or a value is not as
        described; names the file, the key, the value and the remedy.
    """
    try:
        return _checked(read_json(path, max_bytes=_MAX_BYTES))
    except DatasetError as error:
        raise ScoringFileError(str(error)) from error
    except _WrongValueError as error:
        remedy = "write it anew with inception-rcnn eval-map --json"
        raise ScoringFileError(f"{path}: {error}; {remedy}") from error


class _WrongValueError(ValueError):
    """A value that is not as the format describes it; names the key and the value."""


def _checked(content: object) -> Evaluation:
    """Return the evaluation that parsed JSON describes.

    Raises
    ------
    _WrongValueError
        At the first thing that is not as described above.
    """
    _check_format(content)
    numbers = content.pop(_COCO, None) if isinstance(content, dict) else None
    values = _members(content, _KEYS, "the file")
    if numbers is not None:
        numbers = _members(numbers, [number.name for number in COCO_NUMBERS], f"'{_COCO}'")
        _check_shares({f"'{_COCO}', '{name}'": value for name, value in numbers.items()})
    image_ids, classes = _image_ids(values["images"]), _classes(values["classes"])
    _check_precisions(values, classes)
    outcomes = _outcomes(values, len(image_ids), classes)
    try:
        return Evaluation(_text(values["name"], "'name'"), outcomes, classes, image_ids)
    except ValueError as error:
        raise _WrongValueError(str(error)) from error


def _check_format(content: object) -> None:
    if not isinstance(content, dict) or not {"format", "version"} <= content.keys():
        raise _WrongValueError(f"holds nothing of the format '{_FORMAT}'")
    if (content["format"], content["version"]) != (_FORMAT, _VERSION):
        raise _WrongValueError(
            f"is of format {_told(content['format'])}, version {_told(content['version'])}, but"
            f" '{_FORMAT}', version {_VERSION}, is read"
        )


def _image_ids(content: object) -> tuple[str, ...]:
    values = _members(content, ("count", "names"), "'images'")
    names = _list(values["names"], "'images', 'names'")
    if type(values["count"]) is not int or values["count"] != len(names):
        raise _wrong("'images', 'count'", f"{len(names)} as there are names", values["count"])
    return tuple(_label(one, f"'images', 'names', place {i}") for i, one in enumerate(names))


def _classes(content: object) -> tuple[ObjectClass, ...]:
    classes = []
    for i, one in enumerate(_list(content, "'classes'")):
        what = f"'classes', place {i}"
        values = _members(one, ("id", "wnid", "name"), what)
        if not _is_whole(values["id"], _ID_LIMIT):
            raise _wrong(f"{what}, 'id'", f"a whole number from 0 to {_ID_LIMIT - 1}", values["id"])
        wnid, name = (_label(values[key], f"{what}, '{key}'") for key in ("wnid", "name"))
        classes.append(ObjectClass(values["id"], wnid, name))
    return tuple(classes)


def _check_precisions(values: Mapping[str, object], classes: Sequence[ObjectClass]) -> None:
    """Refuse what is no average precision, though the detections say what it is."""
    by_class = _members(values["AP"], [str(one.id) for one in classes], "'AP'")
    _check_shares({"'mAP'": values["mAP"], **{f"'AP' of '{k}'": v for k, v in by_class.items()}})


def _check_shares(values: Mapping[str, object]) -> None:
    for key, value in values.items():
        if value is not None and not (_is_finite(value) and 0 <= value <= 1):
            raise _wrong(key, "null or from 0 to 1", value)


class _ClassRows(NamedTuple):
    """What the file says of one class."""

    class_id: int
    images: IntArray  # (D,)
    scores: DoubleArray  # (D,)
    found: BoolArray  # (D,)
    object_images: IntArray  # (G,)


def _outcomes(
    values: Mapping[str, Any], image_count: int, classes: Sequence[ObjectClass]
) -> Outcomes:
    keys = [str(one.id) for one in classes]
    detections = _members(values["detections"], keys, "'detections'")
    objects = _members(values["objects"], keys, "'objects'")
    rows = [_class_rows(0, {"images": [], "scores": [], "found": []}, [], 0)]  # none of no class
    rows += [
        _class_rows(one.id, detections[key], objects[key], image_count)
        for one, key in zip(classes, keys, strict=True)
    ]
    ids = [one.class_id for one in rows]
    return Outcomes(
        protocol=_protocol(values["protocol"]),
        image_count=image_count,
        image_indices=np.concatenate([one.images for one in rows]),
        class_ids=np.repeat(ids, [len(one.images) for one in rows]),
        scores=np.concatenate([one.scores for one in rows]),
        found=np.concatenate([one.found for one in rows]),
        object_image_indices=np.concatenate([one.object_images for one in rows]),
        object_class_ids=np.repeat(ids, [len(one.object_images) for one in rows]),
    )


def _protocol(value: object) -> Protocol:
    for protocol in PROTOCOLS:
        if value == protocol:
            return protocol
    raise _wrong("'protocol'", f"one of {', '.join(PROTOCOLS)}", value)


def _class_rows(class_id: int, detections: object, objects: object, image_count: int) -> _ClassRows:
    what = f"'detections' of '{class_id}'"
    columns = _members(detections, ("images", "scores", "found"), what)
    images = _integers(columns["images"], image_count, f"{what}, 'images'")
    scores = _finite_numbers(columns["scores"], f"{what}, 'scores'")
    found = _integers(columns["found"], 2, f"{what}, 'found'").astype(np.bool_)
    if not len(images) == len(scores) == len(found):
        raise _WrongValueError(
            f"{what} must have 'images', 'scores' and 'found' of one length, but they are"
            f" {len(images)}, {len(scores)} and {len(found)} long"
        )
    object_images = _integers(objects, image_count, f"'objects' of '{class_id}'")
    taken = np.bincount(images[found], minlength=image_count)
    lacking = taken > np.bincount(object_images, minlength=image_count)
    if lacking.any():
        image = int(lacking.argmax())
        raise _WrongValueError(f"{what} find more objects in image {image} than it holds")
    return _ClassRows(class_id, images, scores, found, object_images)


def _integers(content: object, limit: int, what: str) -> IntArray:
    """Return a list of whole numbers from 0 to below ``limit``."""
    values = _list(content, what)
    for i, value in enumerate(values):
        if not _is_whole(value, limit):
            raise _wrong(f"{what}, place {i}", f"a whole number from 0 to {limit - 1}", value)
    return np.array(values, np.int64)


def _finite_numbers(content: object, what: str) -> DoubleArray:
    values = _list(content, what)
    for i, value in enumerate(values):
        if not _is_finite(value):
            raise _wrong(f"{what}, place {i}", "a finite number", value)
    return np.array(values, np.float64)


def _is_whole(value: object, limit: int) -> bool:
    return type(value) is int and 0 <= value < limit


def _is_finite(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _list(content: object, what: str) -> list[Any]:
    if not isinstance(content, list):
        raise _wrong(what, "a list", content)
    return content


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise _wrong(what, "a text", value)
    return value


def _label(value: object, what: str) -> str:
    """Return a text that may be printed."""
    if strange := _UNPRINTABLE.search(text := _text(value, what)):
        raise _WrongValueError(f"{what} must be printable, but holds {_told(strange[0])}")
    return text


def _members(content: object, keys: Sequence[str], what: str) -> dict[str, Any]:
    """Return an object of JSON that has these keys and no others."""
    if not isinstance(content, dict):
        raise _wrong(what, "an object with keys", content)
    if missing := [key for key in keys if key not in content]:
        raise _WrongValueError(f"{what} lacks the key {_told(missing[0])}")
    if unknown := content.keys() - keys:
        raise _WrongValueError(f"{what} has a key that is unknown, {_told(min(unknown))}")
    return content


def _wrong(what: str, wanted: str, value: object) -> _WrongValueError:
    return _WrongValueError(f"{what} must be {wanted}, but is {_told(value)}")


def _told(value: object) -> str:
    """Return what a message says of a value, however large it is."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    return json.dumps(value)[:_LONGEST]
