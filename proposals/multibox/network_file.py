"""MultiBox's files as networks of PyTorch, for training and as the reference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from foundation.tensor_file import WeightsError
from proposals.multibox.network import (
    Backbone,
    ConvolutionalHead,
    GlobalHead,
    Head,
    MultiBoxNetwork,
)
from proposals.multibox.weights_file import MultiBoxWeights, read_multibox, write_multibox

_LEFT_OUT = ("backbone.classifier.", "head.priors")  # not used, and not among the tensors


class LoadedMultiBox(NamedTuple):
    """What a weights file holds."""

    network: MultiBoxNetwork
    mean_rgb: tuple[float, float, float]  # to subtract from the input, 0-255


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
    WeightsError
        If the file is missing, damaged, of another format, or does not fit the backbone.
    """
    weights = read_multibox(path)
    network = MultiBoxNetwork(backbone, _head(Path(path), weights), weights.size)
    state = network.state_dict()
    weights.check(
        Path(path),
        {name: tuple(one.shape) for name, one in state.items() if not name.startswith(_LEFT_OUT)},
    )
    filled = {name: torch.from_numpy(np.array(one)) for name, one in weights.tensors.items()}
    network.load_state_dict(filled, strict=False)
    return LoadedMultiBox(network.eval(), weights.mean_rgb)


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

    Raises
    ------
    WeightsError
        If a weight is not finite in float16, or the provenance cannot be written as JSON.
    """
    head = "convolutional" if isinstance(network.head, ConvolutionalHead) else "global"
    tensors = {
        name: tensor.detach().to("cpu", torch.float32).numpy()
        for name, tensor in network.state_dict().items()
        if not name.startswith(_LEFT_OUT)
    }
    weights = MultiBoxWeights(
        head=head,
        size=network.size,
        mean_rgb=mean_rgb,
        priors=network.head.priors.cpu().numpy(),
        provenance=provenance,
        tensors=tensors,
    )
    write_multibox(path, weights)


def _head(path: Path, weights: MultiBoxWeights) -> Head:
    if weights.head == "global":
        return GlobalHead(weights.priors)
    head = ConvolutionalHead(weights.size)
    if not np.array_equal(head.priors.numpy(), weights.priors):
        raise WeightsError(
            f"{path}: its priors are not those of this version's grids; train it again with"
            " inception-rcnn train-multibox"
        )
    return head
