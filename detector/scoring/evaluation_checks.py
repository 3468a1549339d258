"""From the content of an evaluation's file to an `Evaluation`, every value checked."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeGuard

import numpy as np

from detector.classes import ObjectClass
from detector.scoring.evaluation import Evaluation
from detector.scoring.outcomes import PROTOCOLS, Outcomes, Protocol
from detector.scoring.records import BoolArray, DoubleArray, IntArray

FORMAT: Final = "inception-rcnn evaluation"
VERSION: Final = 1

_KEYS: Final = (
    "mAP", "AP", "format", "version", "name", "protocol", "images", "classes", "detections",
    "objects",
)  # fmt: skip
_ID_LIMIT: Final = 1 << 31
_LONGEST: Final = 60  # characters of a value in a message
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class WrongValueError(ValueError):
    """A value that is not as the format describes it; names the key and the value."""


def check_evaluation(content: object) -> Evaluation:
    """Return the evaluation that parsed JSON describes.

    Raises
    ------
    WrongValueError
        At the first thing that is not as `detector.scoring.evaluation_file` describes.
    """
    _check_format(content)
    values = _members(content, _KEYS, "the file")
    image_ids, classes = _image_ids(values["images"]), _classes(values["classes"])
    _check_precisions(values, classes)
    outcomes = _outcomes(values, len(image_ids), classes)
    try:
        return Evaluation(_text(values["name"], "'name'"), outcomes, classes, image_ids)
    except ValueError as error:
        raise WrongValueError(str(error)) from error


def _check_format(content: object) -> None:
    if not isinstance(content, dict) or not {"format", "version"} <= content.keys():
        raise WrongValueError(f"holds nothing of the format '{FORMAT}'")
    if (content["format"], content["version"]) != (FORMAT, VERSION):
        raise WrongValueError(
            f"is of format {_told(content['format'])}, version {_told(content['version'])}, but"
            f" '{FORMAT}', version {VERSION}, is read"
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
    named = {"'mAP'": values["mAP"], **{f"'AP' of '{k}'": v for k, v in by_class.items()}}
    for key, value in named.items():
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
        raise WrongValueError(
            f"{what} must have 'images', 'scores' and 'found' of one length, but they are"
            f" {len(images)}, {len(scores)} and {len(found)} long"
        )
    object_images = _integers(objects, image_count, f"'objects' of '{class_id}'")
    taken = np.bincount(images[found], minlength=image_count)
    lacking = taken > np.bincount(object_images, minlength=image_count)
    if lacking.any():
        image = int(lacking.argmax())
        raise WrongValueError(f"{what} find more objects in image {image} than it holds")
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
        raise WrongValueError(f"{what} must be printable, but holds {_told(strange[0])}")
    return text


def _members(content: object, keys: Sequence[str], what: str) -> dict[str, Any]:
    """Return an object of JSON that has these keys and no others."""
    if not isinstance(content, dict):
        raise _wrong(what, "an object with keys", content)
    if missing := [key for key in keys if key not in content]:
        raise WrongValueError(f"{what} lacks the key {_told(missing[0])}")
    if unknown := content.keys() - keys:
        raise WrongValueError(f"{what} has a key that is unknown, {_told(min(unknown))}")
    return content


def _wrong(what: str, wanted: str, value: object) -> WrongValueError:
    return WrongValueError(f"{what} must be {wanted}, but is {_told(value)}")


def _told(value: object) -> str:
    """Return what a message says of a value, however large it is."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    return json.dumps(value)[:_LONGEST]
