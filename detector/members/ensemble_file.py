"""Files of an ensemble: what holds for the members of a model together, as JSON.

The file stands beside the member files, so that a setting of the ensemble changes without them::

    {
      "format": "inception-rcnn ensemble",
      "version": 1,
      "description": "Six GoogLeNets of 2014, fine-tuned on nine classes.",
      "detection": {"max_proposals": 1400, "cascade_threshold": 0.09}
    }

``detection`` holds fields of ``DetectorConfig``; what is left out has its default.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from detector.config import DetectorConfig
from foundation.files import write_text
from foundation.spelling import did_you_mean
from foundation.tensor_file import WeightsError, parse_document

_HEADER: Final[Mapping[str, Any]] = {"format": "inception-rcnn ensemble", "version": 1}
_REMEDY: Final = "correct it, or fetch it again"


@dataclass(frozen=True)
class Ensemble:
    """What holds for the members of a model together.

    Attributes
    ----------
    description : str
        What the model is, in one sentence.
    detection : DetectorConfig
        Takes the place of the members' own.

    Raises
    ------
    ValueError
        If the description is not one line of text.
    """

    description: str
    detection: DetectorConfig

    def __post_init__(self) -> None:
        text = self.description
        if not (isinstance(text, str) and text.strip() and len(text.splitlines()) == 1):
            raise ValueError(f"description must be one line of text but got {text!r}")


def load_ensemble(path: str | Path) -> Ensemble:
    """Read the file of an ensemble.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, of another format or version, holds an unknown key or a
        value that cannot be; names the file and the remedy.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    document = parse_document(path, text, _HEADER, _REMEDY)
    try:
        return _ensemble_from(document)
    except ValueError as error:
        raise WeightsError(f"{path}: its settings cannot be used ({error}); {_REMEDY}") from error


def save_ensemble(path: str | Path, ensemble: Ensemble) -> None:
    """Write the file of an ensemble, whole or not at all."""
    document = {**_HEADER, **asdict(ensemble)}
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _ensemble_from(document: Mapping[str, Any]) -> Ensemble:
    known = [field.name for field in fields(Ensemble)]
    _check_known(document, known)
    if missing := [name for name in known if name not in document]:
        raise ValueError(f"{missing[0]!r} is missing")
    detection = document["detection"]
    if not isinstance(detection, dict):
        raise ValueError(f"detection must be an object but got {detection!r}")  # noqa: TRY004
    _check_known(detection, [field.name for field in fields(DetectorConfig)])
    return Ensemble(document["description"], DetectorConfig(**detection))


def _check_known(keys: Collection[str], known: Collection[str]) -> None:
    for key in keys:
        if key not in known:
            raise ValueError(
                f"{key!r} is no key{did_you_mean(key, known)}, but {', '.join(known)} are"
            )
