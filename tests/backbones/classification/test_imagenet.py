from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from backbones import CropGeometry, GoogLeNet
from backbones.classification.imagenet import load_imagenet_classifier
from backbones.weights.bvlc import caffe_name


def test_bvlcs_network_sees_pictures_as_it_was_trained_on_them(tmp_path: Path) -> None:
    state = GoogLeNet(1000).state_dict()
    weights = {caffe_name(name): torch.zeros_like(tensor) for name, tensor in state.items()}
    save_file(weights, tmp_path / "zero.safetensors")
    classifier = load_imagenet_classifier(tmp_path / "zero.safetensors")
    assert classifier.geometry is CropGeometry.WARPED
