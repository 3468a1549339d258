"""Files of trained classifiers: tensors, class names and input in one safetensors file, no pickle.

The tensors carry ``GoogLeNet``'s own parameter names. The file's metadata holds one JSON document
under the key ``classifier``::

    {"format": "inception-rcnn classifier", "version": 1, "architecture": "GoogLeNet",
     "names": ["cat", "dog"],
     "statistics": {"mean_rgb": [123.0, 117.0, 104.0], "size": 224},
     "provenance": {...}}

Output i of the network is the i-th name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from backbones.classifier import ImageClassifier
from backbones.errors import WeightsError
from backbones.files import replaced_when_whole
from backbones.googlenet import GoogLeNet
from backbones.hardware import prepare_network
from backbones.preprocess import InputStatistics

_KEY = "classifier"
_HEADER = {"format": "inception-rcnn classifier", "version": 1, "architecture": "GoogLeNet"}
_REMEDY = "give a file that this version's tools/train_classifier.py wrote"


def save_classifier(
    path: Path,
    network: GoogLeNet,
    names: Sequence[str],
    statistics: InputStatistics,
    provenance: Mapping[str, Any],
) -> None:
    """Write a classifier to a file, whole or not at all.

    Auxiliary heads are left out: they serve training only.

    Parameters
    ----------
    path : Path
    network : GoogLeNet
    names : sequence of str
        Of its outputs.
    statistics : InputStatistics
    provenance : mapping
        How it was trained: free, but writable as JSON.

    Raises
    ------
    WeightsError
        If the names do not fit the network, or a weight is not finite.
    """
    state = network.state_dict()
    tensors = {
        name: state[name].detach().to("cpu", torch.float32).contiguous()
        for name in _fresh(len(names)).state_dict()
    }
    _check_tensors(path, tensors, len(names))
    document = {
        **_HEADER,
        "names": list(names),
        "statistics": asdict(statistics),
        "provenance": dict(provenance),
    }
    with replaced_when_whole(path) as unfinished:
        save_file(tensors, unfinished, {_KEY: json.dumps(document, allow_nan=False)})


def is_classifier_file(path: str | Path) -> bool:
    """Tell whether a file is one that `save_classifier` wrote, of any version."""
    try:
        with safe_open(path, framework="pt") as file:
            return _KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def load_classifier(
    path: str | Path, *, device: str = "auto", precision: str = "auto"
) -> ImageClassifier:
    """Read a classifier from a file.

    Parameters
    ----------
    path : str or Path
    device, precision : str
        As `choose_device` and `choose_dtype` take them.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, of another format or version, or if its tensors, names
        and settings do not fit each other.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    document = _document(path, metadata)
    try:
        names = _names(document["names"])
        statistics = InputStatistics(
            mean_rgb=tuple(document["statistics"]["mean_rgb"]), size=document["statistics"]["size"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its settings cannot be used ({error}); {_REMEDY}") from error
    _check_tensors(path, tensors, len(names))
    network = _fresh(len(names))
    network.load_state_dict(tensors)
    prepare_network(network, device, precision)
    return ImageClassifier(network, statistics, names)


def _read(path: Path) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; check the path or train a classifier first")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return metadata, load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a whole safetensors file ({error}); fetch it again or {_REMEDY}"
        ) from error


def _document(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        document = json.loads(metadata[_KEY])
    except KeyError:
        raise WeightsError(f"{path}: holds no class names, only tensors; {_REMEDY}") from None
    except json.JSONDecodeError as error:
        raise WeightsError(f"{path}: its settings are not JSON ({error}); {_REMEDY}") from error
    if not isinstance(document, dict):
        raise WeightsError(f"{path}: its settings are not a JSON object; {_REMEDY}")
    for key, wanted in _HEADER.items():
        if document.get(key) != wanted:
            raise WeightsError(
                f"{path}: {key} must be {wanted!r} but is {document.get(key)!r}; {_REMEDY}"
            )
    return document


def _names(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not found or not all(isinstance(n, str) for n in found):
        raise ValueError(f"names must be a list of texts but are {found!r}")
    return tuple(found)


def _fresh(class_count: int) -> GoogLeNet:
    """Return an untrained network, and leave torch's generator as it was."""
    # Not on the meta device, whose first use imports for a second.
    with torch.random.fork_rng(devices=[]):
        return GoogLeNet(class_count)


def _check_tensors(path: Path, tensors: Mapping[str, Tensor], class_count: int) -> None:
    shapes = {name: tensor.shape for name, tensor in _fresh(class_count).state_dict().items()}
    odd = sorted(tensors.keys() ^ shapes.keys())
    if odd:
        raise WeightsError(
            f"{path}: tensor '{odd[0]}' is missing or not GoogLeNet's ({len(odd)} such); {_REMEDY}"
        )
    for name, tensor in tensors.items():
        if tensor.shape != shapes[name]:
            raise WeightsError(
                f"{path}: tensor '{name}' must have shape {tuple(shapes[name])} for {class_count}"
                f" names but has {tuple(tensor.shape)}; {_REMEDY}"
            )
        if not (tensor.is_floating_point() and bool(tensor.isfinite().all())):
            raise WeightsError(
                f"{path}: tensor '{name}' must hold finite floats but does not; the training"
                " diverged or the file is damaged"
            )
