"""A network in two parts: what keeps its weights, and what is trained."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from backbones import AuxiliaryLogits, GoogLeNet, InputStatistics
from backbones.hardware import choose_dtype
from detector.training.config import TrainingConfig

Predict = Callable[[Tensor], Tensor | AuxiliaryLogits]


def freeze(network: GoogLeNet, config: TrainingConfig) -> None:
    """Take the weights of the frozen part out of training."""
    if config.freeze == "stem":
        network.freeze_stem()
    elif config.freeze == "features":
        network.freeze_features()


def frozen_part(
    network: GoogLeNet, statistics: InputStatistics, config: TrainingConfig
) -> Callable[[Tensor], Tensor]:
    """Return the frozen part: windows (R, S, S, 3) uint8 to its output, without gradient.

    It runs on the network's device, in the arithmetic of the configuration. Where nothing is
    frozen, it gives the normalised pictures (R, 3, S, S).
    """
    if config.freeze == "nothing":
        return statistics.normalise
    device = next(network.parameters()).device
    dtype = choose_dtype(config.optimization.precision, device)
    fixed = copy.deepcopy(network).eval().to(dtype)
    part = fixed.stem if config.freeze == "stem" else fixed.features

    @torch.no_grad()
    def run(windows: Tensor) -> Tensor:
        return part(statistics.normalise(windows.to(device)).to(dtype)).float()

    return run


def trained_part(network: GoogLeNet, config: TrainingConfig) -> Predict:
    """Return what is trained: the output of `frozen_part` to logits."""
    if config.freeze == "features":
        return network.classify
    helped = network.auxiliary_4a is not None
    if config.freeze == "stem":
        if helped:
            return network.trunk_with_auxiliary
        return lambda inner: network.classify(network.trunk(inner))
    return network.forward_with_auxiliary if helped else network
