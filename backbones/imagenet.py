"""GoogLeNet as the classifier of ImageNet's 1,000 classes."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.models import GoogLeNet_Weights

from backbones.classifier import ImageClassifier
from backbones.googlenet import GoogLeNet
from backbones.hardware import choose_device, choose_dtype
from backbones.preprocess import InputStatistics
from backbones.weights import load_imagenet_weights


def load_imagenet_classifier(
    path: str | Path, *, device: str = "auto", precision: str = "auto"
) -> ImageClassifier:
    """Load BVLC's network.

    Parameters
    ----------
    path : str or Path
        As `load_imagenet_weights` takes it.
    device, precision : str
        As `choose_device` and `choose_dtype` take them.

    Raises
    ------
    WeightsError
        If the file cannot be used.
    """
    network = GoogLeNet(1000).eval().requires_grad_(requires_grad=False)
    network.load_state_dict(load_imagenet_weights(path))
    chosen = choose_device(device)
    network.to(device=chosen, dtype=choose_dtype(precision, chosen))
    network.to(memory_format=torch.channels_last)
    return ImageClassifier(network, InputStatistics(), imagenet_names())


def imagenet_names() -> tuple[str, ...]:
    """Return the names of the 1,000 classes, in the order of the network's outputs."""
    return tuple(GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"])
