"""ONNX files of detectors: a graph of `onnx_graph` with the settings of its members.

The metadata of the file holds one JSON document under the key ``inception-rcnn``::

    {"format": "inception-rcnn onnx", "version": 1, "arithmetic": "float32" or "int8",
     "members": [the settings of a member file, ...]}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import onnx
from google.protobuf.message import DecodeError

from detector.engines.onnx_check import check_graph
from detector.engines.onnx_graph import build_onnx
from detector.members.member import Member
from detector.members.settings import MemberSettings, settings_from_document
from foundation.files import whole_file
from foundation.spelling import one_line
from foundation.tensor_file import WeightsError, check_size

_KEY = "inception-rcnn"
_HEADER = {"format": "inception-rcnn onnx", "version": 1}
_REMEDY = "give a file that inception-rcnn export of this version wrote"


class OnnxDetector(NamedTuple):
    """What an ONNX file holds."""

    path: Path
    content: bytes  # the graph, checked
    eight_bits: bool
    settings: tuple[MemberSettings, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.content).hexdigest()


def save_onnx(path: str | Path, members: Sequence[Member], *, eight_bits: bool) -> None:
    """Write an ensemble as an ONNX file, whole or not at all.

    Raises
    ------
    ValueError
        As `build_onnx`.
    """
    model = build_onnx(members, eight_bits=eight_bits)
    document = {
        **_HEADER,
        "arithmetic": "int8" if eight_bits else "float32",
        "members": [member.to_document() for member in members],
    }
    onnx.helper.set_model_props(model, {_KEY: json.dumps(document, allow_nan=False)})
    with whole_file(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def read_onnx(path: str | Path) -> OnnxDetector:
    """Read the settings of an ONNX file; the graph is checked, and left to the engine.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or not one of `save_onnx`.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(
            f"{path}: no such file; check the path or run inception-rcnn export first"
        )
    check_size(path, _REMEDY)
    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
        check_graph(model)
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        raise WeightsError(
            f"{path}: not a whole ONNX file ({one_line(error)}); {_REMEDY}"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{path}: {one_line(error)}; {_REMEDY}") from error
    properties = {entry.key: entry.value for entry in model.metadata_props}
    try:
        return _detector_from(path, content, json.loads(properties[_KEY]))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: holds no detector's settings, or damaged ones ({one_line(error)}); {_REMEDY}"
        ) from error


def _detector_from(path: Path, content: bytes, document: Mapping[str, Any]) -> OnnxDetector:
    found = {key: document[key] for key in _HEADER}
    if found != _HEADER:
        raise ValueError(f"it is {found}, not {_HEADER}")
    settings = tuple(MemberSettings(**settings_from_document(one)) for one in document["members"])
    return OnnxDetector(path, content, document["arithmetic"] == "int8", settings)
