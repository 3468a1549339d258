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
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Final

import numpy as np

from detector.datasets.annotation import DatasetError
from detector.datasets.safe_json import read_json
from detector.scoring.evaluation import Evaluation
from detector.scoring.evaluation_checks import FORMAT, VERSION, WrongValueError, check_evaluation
from detector.scoring.image_index import ScoringFileError
from detector.scoring.outcomes import Outcomes
from detector.scoring.protocols import score_outcomes
from detector.scoring.records import IntArray
from foundation.files import whole_file

__all__ = ["Evaluation", "read_evaluation", "write_evaluation"]

_MAX_BYTES: Final = 1 << 30  # some 50 million detections


def write_evaluation(path: Path | str, evaluation: Evaluation) -> None:
    """Write an evaluation with the average precisions that follow; it appears when complete.

    Scores have nine significant digits: enough to tell any two float32 apart.
    """
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write("{")
        for number, (key, text) in enumerate(_texts(evaluation)):
            file.write(f'{"," if number else ""}\n  "{key}": {text}')
        file.write("\n}\n")


def _texts(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    """Yield each key of the file with its value as JSON."""
    outcomes, ids = evaluation.outcomes, [one.id for one in evaluation.classes]
    score = score_outcomes(outcomes, ids)
    yield "mAP", _json(_or_null(score.mean_ap))
    yield "AP", _json({str(one): _or_null(ap) for one, ap in score.ap_by_class.items()})
    yield "format", _json(FORMAT)
    yield "version", _json(VERSION)
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
        return check_evaluation(read_json(path, max_bytes=_MAX_BYTES))
    except DatasetError as error:
        raise ScoringFileError(str(error)) from error
    except WrongValueError as error:
        remedy = "write it anew with inception-rcnn eval-map --json"
        raise ScoringFileError(f"{path}: {error}; {remedy}") from error
