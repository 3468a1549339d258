"""Networks that tell ImageNet's 1,000 classes apart: BVLC's GoogLeNet and torchvision's."""

from __future__ import annotations

from pathlib import Path

from torchvision.models import GoogLeNet_Weights

from backbones.classification.classifier import ImageClassifier
from backbones.classification.crops import CropGeometry
from backbones.classification.torchvision_googlenet import (
    TORCHVISION_STATISTICS,
    load_torchvision_weights,
    torchvision_googlenet,
)
from backbones.googlenet import GoogLeNet
from backbones.hardware import prepare_network
from backbones.preprocess import InputStatistics
from backbones.weights.bvlc import load_imagenet_weights
from backbones.weights.download import RemoteFile

BACKBONES = ("bvlc", "torchvision")
"""Which GoogLeNet: the paper's, trained by BVLC, or torchvision's, with batch norm."""

IMAGENET_FILES = {
    "bvlc": RemoteFile(
        url="http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
        algorithm="sha1",
        digest="405fc5acd08a3bb12de8ee5e23a96bec22f08204",
    ),
    "torchvision": RemoteFile(
        url="https://download.pytorch.org/models/googlenet-1378be20.pth",
        algorithm="sha256",
        digest="1378be20",  # as far as its publisher gives it
    ),
}
"""Where the weights of each backbone are published."""


def load_imagenet_classifier(
    path: str | Path, backbone: str = "bvlc", *, device: str = "auto", precision: str = "auto"
) -> ImageClassifier:
    """Load a network that tells ImageNet's classes apart.

    Parameters
    ----------
    path : str or Path
        For ``"bvlc"`` as `load_imagenet_weights` takes it, for ``"torchvision"`` as
        `load_torchvision_weights` does.
    backbone : {"bvlc", "torchvision"}
    device, precision : str
        As `choose_device` and `choose_dtype` take them.

    Raises
    ------
    WeightsError
        If the file cannot be used.
    ValueError
        If the backbone is none of these.
    """
    if backbone not in BACKBONES:
        raise ValueError(f"backbone must be one of {BACKBONES} but got {backbone!r}")
    if backbone == "torchvision":
        network, statistics = torchvision_googlenet(1000), TORCHVISION_STATISTICS
        network.load_state_dict(load_torchvision_weights(path))
        geometry = CropGeometry.SHORT_SIDE  # as torchvision publishes its accuracy
    else:
        network, statistics = GoogLeNet(1000), InputStatistics()
        network.load_state_dict(load_imagenet_weights(path))
        geometry = CropGeometry.WARPED  # BVLC trained and tested it on pictures made 256 x 256
    prepare_network(network, device, precision)
    return ImageClassifier(network, statistics, imagenet_names(), geometry)


def imagenet_names() -> tuple[str, ...]:
    """Return the names of the 1,000 classes, in the order of the networks' outputs."""
    return tuple(GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"])
