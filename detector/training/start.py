"""The network that a fine-tuning run starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch

from backbones import GoogLeNet, load_imagenet_weights
from detector.classes import ObjectClass
from detector.members.file import load_member
from detector.members.network import TorchMember
from detector.training.config import TrainingConfig


def network_of_imagenet(
    path: Path, classes: Sequence[ObjectClass], config: TrainingConfig
) -> GoogLeNet:
    """Return the ImageNet network with a fresh classifier: output 0 is the background.

    Raises
    ------
    WeightsError
        As `backbones.load_imagenet_weights`.
    """
    network = _new_network(1000, config)
    network.load_state_dict(load_imagenet_weights(path), strict=False)  # no auxiliary heads
    _replace_classifier(network, classes, config)
    return network


def network_of_member(
    path: Path, classes: Sequence[ObjectClass], config: TrainingConfig
) -> GoogLeNet:
    """Return a trained member's network, for other classes too.

    What it knows of a class that is asked for, and of the background, it keeps. What SVMs say
    is no start for a softmax: in their place the classifier is a fresh one.

    Raises
    ------
    WeightsError
        As `detector.members.file.load_member`.
    """
    member = TorchMember.of(load_member(path))
    known = {c.key: output for output, c in enumerate(member.classes, start=1)}
    old = member.network.classifier
    network = _new_network(1 + len(known), config)
    network.load_state_dict(member.network.state_dict(), strict=False)
    _replace_classifier(network, classes, config)
    if member.classifier != "softmax":
        return network
    rows = {0: 0} | {
        output: known[c.key] for output, c in enumerate(classes, start=1) if c.key in known
    }
    with torch.no_grad():
        for output, old_output in rows.items():
            network.classifier.weight[output] = old.weight[old_output]
            network.classifier.bias[output] = old.bias[old_output]
    return network


def digest(network: GoogLeNet, *, frozen_only: bool = False) -> str:
    """Return a name for the weights of a network, or of what is frozen of it.

    Weights are taken in float16, as member files hold them: a pool made for ImageNet's float32
    network serves the members that go on from what was trained with it.
    """
    state = hashlib.sha256()
    for name, tensor in network.named_parameters():
        if frozen_only and tensor.requires_grad:
            continue
        state.update(name.encode())
        state.update(tensor.detach().cpu().half().contiguous().numpy().tobytes())
    return state.hexdigest()[:16]


def _new_network(outputs: int, config: TrainingConfig) -> GoogLeNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.optimization.seed)  # of the auxiliary heads
        return GoogLeNet(outputs, auxiliary_heads=config.optimization.auxiliary_weight > 0)


def _replace_classifier(
    network: GoogLeNet, classes: Sequence[ObjectClass], config: TrainingConfig
) -> None:
    generator = torch.Generator().manual_seed(config.optimization.seed)
    network.replace_classifier(1 + len(classes), generator=generator)
