"""torchvision's GoogLeNet: batch norm in place of biases and response normalisation, 3x3 for 5x5.

It was trained in TensorFlow on colours from -1 to 1, and torchvision turns its own scale of
colours into that one as it enters. Here the step to -1 ... 1 is taken by `InputStatistics`, which
subtracts the middle of 0-255, and by the first kernels, which are divided by its half: so this
network takes what the paper's takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models

from backbones.preprocess import InputStatistics
from foundation.spelling import one_line
from foundation.tensor_file import WeightsError, check_size

_HALF_RANGE = 127.5
_AUXILIARY = ("aux1.", "aux2.")
_COUNT = ".num_batches_tracked"
_FIRST = "conv1.conv.weight"
_REMEDY = "give torchvision's googlenet-1378be20.pth, or its tensors as safetensors"

TORCHVISION_STATISTICS = InputStatistics(mean_rgb=(_HALF_RANGE,) * 3)
"""What `torchvision_googlenet` with weights of `load_torchvision_weights` takes."""


def torchvision_googlenet(num_classes: int) -> nn.Module:
    """Return torchvision's network without auxiliary heads, from (N, 3, 224, 224) to logits."""
    network: nn.Module = models.googlenet(
        num_classes=num_classes, aux_logits=False, transform_input=False, init_weights=False
    )
    return network


def load_torchvision_weights(path: str | Path) -> dict[str, Tensor]:
    """Read the 1000-class weights that torchvision publishes.

    Parameters
    ----------
    path : str or Path
        Its file ``*.pth``, of which only tensors are read and no code is run, or a safetensors
        file of the same tensors. Auxiliary heads are left out.

    Returns
    -------
    dict of str to Tensor
        State dict for ``torchvision_googlenet(1000)``, for colours of 0-255 minus the mean of
        `TORCHVISION_STATISTICS`.

    Raises
    ------
    WeightsError
        If the file is missing, is damaged, or holds other tensors than those of this network.
    """
    path = Path(path)
    with torch.random.fork_rng(devices=[]):
        wanted = torchvision_googlenet(1000).state_dict()
    # How many batches a norm has seen plays no part, and older files do not say it.
    counts = {name: value for name, value in wanted.items() if name.endswith(_COUNT)}
    found = {**counts, **_read(path)}
    state = {name: value for name, value in found.items() if not name.startswith(_AUXILIARY)}
    _check(path, state, wanted)
    # In double, then rounded once.
    state[_FIRST] = (state[_FIRST].double() / _HALF_RANGE).to(torch.float32)
    return state


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; {_REMEDY}")
    check_size(path, _REMEDY)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch lets damage out as almost any error
        first = one_line(str(error).strip().partition("\n")[0])
        raise WeightsError(
            f"{path}: not a whole file of tensors ({first}); fetch it again or {_REMEDY}"
        ) from error
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise WeightsError(f"{path}: holds no named tensors; {_REMEDY}")
    return found


def _check(path: Path, state: Mapping[str, Any], wanted: Mapping[str, Tensor]) -> None:
    odd = sorted(state.keys() ^ wanted.keys())
    if odd:
        raise WeightsError(
            f"{path}: tensor '{one_line(odd[0])}' is missing or not this network's"
            f" ({len(odd)} such); {_REMEDY}"
        )
    for name, tensor in wanted.items():
        found = state[name]
        if not isinstance(found, Tensor) or found.shape != tensor.shape:
            raise WeightsError(
                f"{path}: tensor '{name}' must have shape {tuple(tensor.shape)} but is"
                f" {tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__};"
                f" {_REMEDY}"
            )
        dense = found.layout == torch.strided
        if found.is_floating_point() != tensor.is_floating_point() or not dense:
            kind = f"{found.dtype}, {found.layout}"
            raise WeightsError(f"{path}: tensor '{name}' is of type {kind}; {_REMEDY}")
