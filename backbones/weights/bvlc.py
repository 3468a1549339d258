"""Read GoogLeNet's ImageNet weights, from Caffe's own file or from safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from backbones.googlenet import GoogLeNet
from backbones.weights.caffemodel import read_caffemodel
from foundation.spelling import one_line
from foundation.tensor_file import WeightsError as WeightsError
from foundation.tensor_file import check_size

_REMEDY = "give bvlc_googlenet.caffemodel, or its tensors without auxiliary heads as safetensors"

_CAFFE_OUTSIDE_BLOCKS = MappingProxyType(
    {
        "conv1": "conv1/7x7_s2",
        "conv2_reduce": "conv2/3x3_reduce",
        "conv2": "conv2/3x3",
        "classifier": "loss3/classifier",
    }
)


def load_imagenet_weights(path: str | Path) -> dict[str, Tensor]:
    """Read the 1000-class weights that BVLC trained in Caffe.

    Parameters
    ----------
    path : str or Path
        Caffe's ``bvlc_googlenet.caffemodel``, or a safetensors file; its tensors carry Caffe's
        layer names and ``.weight`` or ``.bias``, for example ``conv1/7x7_s2.weight``, whose
        input channels are BGR.

    Returns
    -------
    dict of str to Tensor
        State dict for ``GoogLeNet(1000)``, float32, with conv1 turned to RGB.

    Raises
    ------
    WeightsError
        If the file is missing, is damaged, or holds other tensors than those of this network.
    """
    path = Path(path)
    blobs = _read_blobs(path)
    shapes = _expected_shapes()
    _check_names(path, blobs, {caffe_name(name) for name in shapes})
    state = {}
    for name, shape in shapes.items():
        blob = blobs[caffe_name(name)]
        _check_blob(path, caffe_name(name), blob, shape)
        state[name] = blob.to(torch.float32)
    state["conv1.weight"] = state["conv1.weight"].flip(1)  # BGR to RGB
    return state


def _read_blobs(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; {_REMEDY}")
    check_size(path, _REMEDY)
    if path.suffix == ".caffemodel":
        return _without_training_layers(read_caffemodel(path))
    try:
        return load_file(path)
    except (SafetensorError, OSError, KeyError, AttributeError) as error:
        # The last two: of a type of numbers that this PyTorch does not know.
        raise WeightsError(
            f"{path}: not a whole safetensors file ({one_line(error)}); fetch it again or {_REMEDY}"
        ) from error


def _without_training_layers(blobs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out the auxiliary heads, and the leading sides of 1 that Caffe gives flat tensors."""
    return {
        name: blob.flatten() if name.endswith(".bias") else _squeezed(blob)
        for name, blob in blobs.items()
        if not name.startswith(("loss1/", "loss2/"))
    }


def _squeezed(weight: Tensor) -> Tensor:
    return weight[0, 0] if weight.ndim == 4 and weight.shape[:2] == (1, 1) else weight


def _expected_shapes() -> dict[str, torch.Size]:
    # Not on the meta device, whose first use imports for a second.
    with torch.random.fork_rng(devices=[]):
        network = GoogLeNet(1000)
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def caffe_name(name: str) -> str:
    """Return Caffe's name of a parameter: ``3a.conv1x1.bias`` is ``3a/1x1.bias``."""
    layer, kind = name.rsplit(".", 1)
    if layer in _CAFFE_OUTSIDE_BLOCKS:
        return f"{_CAFFE_OUTSIDE_BLOCKS[layer]}.{kind}"
    block, branch = layer.split(".")
    return f"{block}/{branch.removeprefix('conv')}.{kind}"


def _check_names(path: Path, blobs: Mapping[str, Tensor], wanted: set[str]) -> None:
    missing = sorted(wanted - blobs.keys())
    if missing:
        raise WeightsError(f"{path}: tensor {_first_of(missing)} is missing; {_REMEDY}")
    unknown = sorted(blobs.keys() - wanted)
    if unknown:
        raise WeightsError(f"{path}: tensor {_first_of(unknown)} is not GoogLeNet's; {_REMEDY}")


def _first_of(names: list[str]) -> str:
    others = len(names) - 1
    first = f"'{one_line(names[0])}'"
    return f"{first} (and {others} more)" if others else first


def _check_blob(path: Path, name: str, blob: Tensor, shape: torch.Size) -> None:
    if blob.shape != shape:
        raise WeightsError(
            f"{path}: tensor '{name}' must have shape {tuple(shape)} but has"
            f" {tuple(blob.shape)}; {_REMEDY}"
        )
    if not blob.is_floating_point():
        raise WeightsError(
            f"{path}: tensor '{name}' must be of a float type but is {blob.dtype}; {_REMEDY}"
        )
