"""Files of trained MultiBox networks: tensors and settings in one safetensors file, no pickle.

The tensors are float16 under their names in `MultiBoxNetwork`, without the backbone's classifier.
The file's metadata holds one JSON document under the key ``multibox``::

    {"format": "multibox", "version": 1, "head": "convolutional", "size": 320,
     "mean_rgb": [123.0, 117.0, 104.0], "provenance": {...}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from foundation.files import whole_file
from proposals.multibox.network import (
    Backbone,
    ConvolutionalHead,
    GlobalHead,
    Head,
    MultiBoxNetwork,
)

_KEY = "multibox"
_HEADER = {"format": "multibox", "version": 1}
_REMEDY = "give a file that inception-rcnn train-multibox wrote"
_UNUSED = "backbone.classifier."


class MultiBoxWeightsError(ValueError):
    """A file of weights that cannot be used; names the file and the remedy."""


class LoadedMultiBox(NamedTuple):
    """What a weights file holds."""

    network: MultiBoxNetwork
    mean_rgb: tuple[float, float, float]  # to subtract from the input, 0-255


def pretrained_path() -> Path:
    """Return the weights that come with the package."""
    return Path(str(files("proposals").joinpath("multibox/weights/multibox.safetensors")))


def save_multibox(
    path: str | Path,
    network: MultiBoxNetwork,
    mean_rgb: tuple[float, float, float],
    provenance: Mapping[str, Any],
) -> None:
    """Write a network to a file, whole or not at all.

    Parameters
    ----------
    path : str or Path
    network : MultiBoxNetwork
    mean_rgb : tuple of float
        Colour that the input has subtracted, 0-255.
    provenance : mapping
        How the weights were made, in values that JSON knows.
    """
    kind = "convolutional" if isinstance(network.head, ConvolutionalHead) else "global"
    document = {**_HEADER, "head": kind, "size": network.size, "mean_rgb": list(mean_rgb)}
    metadata = {_KEY: json.dumps({**document, "provenance": dict(provenance)}, allow_nan=False)}
    tensors = {
        name: tensor.detach().to("cpu", _stored_type(name)).contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith(_UNUSED)
    }
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise MultiBoxWeightsError(f"{path}: tensor '{name}' is not finite in float16")
    with whole_file(path) as temporary:
        # save_file would let nobody but the owner read it.
        temporary.write_bytes(save(tensors, metadata))


def load_multibox(path: str | Path, backbone: Backbone) -> LoadedMultiBox:
    """Read a network from a file.

    Parameters
    ----------
    path : str or Path
    backbone : Backbone
        A fresh network of the kind that the file's was trained with, for example
        ``backbones.GoogLeNet(1)``; it is filled in place.

    Raises
    ------
    MultiBoxWeightsError
        If the file is missing, damaged, of another format, or does not fit the backbone.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    document = _check_header(path, metadata)
    try:
        size = int(document["size"])
        red, green, blue = (float(value) for value in document["mean_rgb"])
        head = _head(document["head"], size, tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise MultiBoxWeightsError(f"{path}: settings are unusable ({error}); {_REMEDY}") from None
    network = MultiBoxNetwork(backbone, head, size)
    _fill(path, network, tensors)
    return LoadedMultiBox(network.eval(), (red, green, blue))


def _stored_type(name: str) -> torch.dtype:
    return torch.float32 if name == "head.priors" else torch.float16


def _read(path: Path) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise MultiBoxWeightsError(f"{path}: no such file; {_REMEDY}")
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()  # the handle itself cannot be iterated in older safetensors
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise MultiBoxWeightsError(
            f"{path}: not a whole safetensors file ({error}); fetch it again or {_REMEDY}"
        ) from None


def _check_header(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        document = json.loads(metadata[_KEY])
    except (KeyError, json.JSONDecodeError):
        raise MultiBoxWeightsError(f"{path}: no MultiBox weights; {_REMEDY}") from None
    if not isinstance(document, dict):
        raise MultiBoxWeightsError(f"{path}: no MultiBox weights; {_REMEDY}")
    for key, wanted in _HEADER.items():
        if document.get(key) != wanted:
            raise MultiBoxWeightsError(
                f"{path}: {key} must be {wanted!r} but is {document.get(key)!r}; {_REMEDY}"
            )
    return document


def _head(kind: str, size: int, tensors: Mapping[str, Tensor]) -> Head:
    if kind == "convolutional":
        return ConvolutionalHead(size)
    if kind == "global":
        return GlobalHead(tensors["head.priors"].numpy().astype(np.float32))
    raise ValueError(f"head must be 'convolutional' or 'global', but is {kind!r}")


def _fill(path: Path, network: MultiBoxNetwork, tensors: Mapping[str, Tensor]) -> None:
    shapes = {
        name: tensor.shape
        for name, tensor in network.state_dict().items()
        if not name.startswith(_UNUSED)
    }
    odd = sorted(shapes.keys() ^ tensors.keys())
    if odd:
        raise MultiBoxWeightsError(
            f"{path}: tensor '{odd[0]}' is missing or unknown ({len(odd)} such); give a file and"
            " a backbone of one kind"
        )
    for name, tensor in tensors.items():
        if tensor.shape != shapes[name] or not bool(tensor.isfinite().all()):
            raise MultiBoxWeightsError(
                f"{path}: tensor '{name}' must be finite and of shape {tuple(shapes[name])};"
                f" {_REMEDY}"
            )
    network.load_state_dict(tensors, strict=False)
