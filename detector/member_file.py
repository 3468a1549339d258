"""Files of trained members: tensors and all settings in one safetensors file, no pickle.

The tensors carry ``GoogLeNet``'s own parameter names and are stored as float16. The file's
metadata holds one JSON document under the key ``member``::

    {"format": "inception-rcnn member", "version": 2, "architecture": "GoogLeNet",
     "background": "output 0",
     "classes": [{"id": 58, "wnid": "n02121808", "name": "domestic cat"}, ...],
     "statistics": {"mean_rgb": [123.0, 117.0, 104.0], "size": 224},
     "warp": {"size": 224, "context_padding": 16, "outside_rgb": [123, 117, 104]},
     "detection": {"max_proposals": 1400, "nms_iou": 0.3, ...},
     "provenance": {...},
     "activation_ranges": {"lrn1": 138.2, ...},
     "classifier": "softmax"}

Output 0 of the network is the background and output i + 1 is the i-th class of the list. Where the
classifier is "svm", output 0 is not used. Older files name no classifier: it is the softmax.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from backbones.errors import WeightsError
from backbones.googlenet import GoogLeNet
from backbones.no_init import NoInit
from detector.member_settings import settings_from_document
from detector.network import Member
from proposals.files import whole_file

_KEY = "member"
_HEADER = {
    "format": "inception-rcnn member",
    "version": 2,
    "architecture": "GoogLeNet",
    "background": "output 0",
}
_REMEDY = "give a file that this version's training wrote"


def save_member(path: str | Path, member: Member) -> None:
    """Write a member to a file, whole or not at all.

    Auxiliary heads are left out: they serve training only.

    Raises
    ------
    WeightsError
        If a weight is not finite in float16, or the provenance cannot be written as JSON.
    """
    path = Path(path)
    state = member.network.state_dict()
    tensors = {
        name: tensor.detach().to("cpu", torch.float16).contiguous()
        for name, tensor in state.items()
        if not name.startswith("auxiliary")
    }
    for name, tensor in tensors.items():
        _check_finite(path, name, tensor)
    metadata = {_KEY: _to_json(path, member)}
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_member(path: str | Path) -> Member:
    """Read a member from a file.

    Returns
    -------
    Member
        With a float32 network on the CPU, in evaluation mode.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, of another format or version, or if its tensors,
        classes or settings do not fit each other; names the file and the remedy.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    document = _check_header(path, metadata)
    try:
        settings = settings_from_document(document)
    except ValueError as error:
        raise WeightsError(f"{path}: its settings cannot be used ({error}); {_REMEDY}") from error
    classes = settings["classes"]
    _check_outputs(path, tensors, len(classes))
    with NoInit():
        network = GoogLeNet(len(classes) + 1).eval()
    _check_tensors(path, tensors, network.state_dict())
    network.load_state_dict(tensors)
    try:
        return Member(network=network, **settings)
    except ValueError as error:
        raise WeightsError(f"{path}: its settings cannot be used ({error}); {_REMEDY}") from error


def _to_json(path: Path, member: Member) -> str:
    document = {**_HEADER, **member.to_document()}
    try:
        return json.dumps(document, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: the provenance cannot be written as JSON ({error}); use plain finite values"
        ) from error


def _read(path: Path) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; check the path or train a member first")
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()  # the handle itself cannot be iterated in older safetensors
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a whole safetensors file ({error}); fetch it again or {_REMEDY}"
        ) from error


def _check_header(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        document = json.loads(metadata[_KEY])
    except KeyError:
        raise WeightsError(f"{path}: holds no member settings, only tensors; {_REMEDY}") from None
    except json.JSONDecodeError as error:
        raise WeightsError(f"{path}: its settings are not JSON ({error}); {_REMEDY}") from error
    if not isinstance(document, dict):
        raise WeightsError(f"{path}: its settings are not a JSON object; {_REMEDY}")
    for key, wanted in _HEADER.items():
        if document.get(key) != wanted:
            raise WeightsError(
                f"{path}: {key} must be {wanted!r} but is {document.get(key)!r}; {_REMEDY}"
            )
    return {key: value for key, value in document.items() if key not in _HEADER}


def _check_outputs(path: Path, tensors: Mapping[str, Tensor], class_count: int) -> None:
    bias = tensors.get("classifier.bias")
    if bias is not None and bias.shape != (class_count + 1,):
        raise WeightsError(
            f"{path}: lists {class_count} classes, which with the background must make"
            f" {class_count + 1} outputs, but has {tuple(bias.shape)}; {_REMEDY}"
        )


def _check_tensors(path: Path, tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    if tensors.keys() != wanted.keys():
        odd = sorted(tensors.keys() ^ wanted.keys())
        raise WeightsError(
            f"{path}: tensor '{odd[0]}' is missing or not GoogLeNet's ({len(odd)} such); {_REMEDY}"
        )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise WeightsError(
                f"{path}: tensor '{name}' must have shape {tuple(wanted[name].shape)} but has"
                f" {tuple(tensor.shape)}; {_REMEDY}"
            )
        _check_finite(path, name, tensor)


def _check_finite(path: Path, name: str, tensor: Tensor) -> None:
    if not (tensor.is_floating_point() and bool(tensor.isfinite().all())):
        raise WeightsError(
            f"{path}: tensor '{name}' must hold finite floats but does not; the training diverged"
            " or the file is damaged"
        )
