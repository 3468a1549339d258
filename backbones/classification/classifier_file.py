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

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from backbones.classification.classifier import ImageClassifier
from backbones.classification.crops import CropGeometry
from backbones.googlenet import GoogLeNet
from backbones.hardware import prepare_network
from backbones.layout import parameter_shapes
from backbones.no_init import NoInit
from backbones.preprocess import InputStatistics
from foundation.spelling import one_line
from foundation.tensor_file import FileKind, WeightsError

GEOMETRY = CropGeometry.SHORT_SIDE
"""How pictures are cut for every classifier in such a file.

All learned from views that show things at most a third wider or taller than they are; a warp of
the whole picture goes beyond that with photographs of 3 : 2.
"""

_KIND = FileKind(
    "classifier",
    {"format": "inception-rcnn classifier", "version": 1, "architecture": "GoogLeNet"},
    "give a file that this version's inception-rcnn train-classifier wrote",
)


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
    tensors = {
        name: tensor.detach().to("cpu", torch.float32).numpy()
        for name, tensor in network.state_dict().items()
        if not name.startswith("auxiliary")
    }
    _check(path, names, tensors)
    document = {
        "names": list(names),
        "statistics": asdict(statistics),
        "provenance": dict(provenance),
    }
    _KIND.write(path, document, tensors)


def is_classifier_file(path: str | Path) -> bool:
    """Tell whether a file is one that `save_classifier` wrote, of any version."""
    try:
        with safe_open(path, framework="np") as file:
            return _KIND.key in (file.metadata() or {})
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
    document, tensors = _KIND.read(path)
    try:
        names = _names(document["names"])
        statistics = InputStatistics(
            mean_rgb=tuple(document["statistics"]["mean_rgb"]), size=document["statistics"]["size"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: its settings cannot be used ({error}); {_KIND.remedy}"
        ) from error
    _check(path, names, tensors)
    with NoInit():
        network = GoogLeNet(len(names))
    network.load_state_dict({name: torch.from_numpy(one) for name, one in tensors.items()})
    prepare_network(network, device, precision)
    return ImageClassifier(network, statistics, names, GEOMETRY)


def _names(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not found or not all(isinstance(n, str) for n in found):
        raise ValueError(f"names must be a list of texts but are {one_line(repr(found))}")
    if not all(name.isprintable() for name in found):
        raise ValueError("names must be texts that can be printed")
    return tuple(found)


def _check(path: Path, names: Sequence[str], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Refuse tensors that are not those of a GoogLeNet with an output for each name."""
    bias = tensors.get("classifier.bias")
    if bias is not None and bias.shape != (len(names),):
        raise WeightsError(
            f"{path}: lists {len(names)} names but has {len(bias)} outputs; {_KIND.remedy}"
        )
    _KIND.check_tensors(path, tensors, parameter_shapes(len(names)))
