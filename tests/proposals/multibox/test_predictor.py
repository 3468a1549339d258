"""What runs a network; PyTorch in float32 is the oracle of OpenVINO."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data
from skimage.transform import resize

from backbones import GoogLeNet, WeightsError
from backbones.graph import GoogLeNetMaps
from proposals.multibox import (
    GlobalHead,
    MultiBoxNetwork,
    OpenVinoPredictor,
    TorchPredictor,
    decode,
    load_multibox,
    save_multibox,
)
from proposals.multibox.weights_file import read_multibox, write_multibox


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def global_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a network with the paper's head, for an input that 7 cells do not divide evenly."""
    generator = torch.Generator().manual_seed(0)
    priors = np.random.default_rng(0).uniform(0, 1, (9, 4)).astype(np.float32)
    network = MultiBoxNetwork(GoogLeNet(1), GlobalHead(np.sort(priors, axis=1)), 96).eval()
    with torch.no_grad():
        for layer in (network.head.hidden, network.head.predict):
            layer.weight.normal_(std=0.1, generator=generator)
    path = tmp_path_factory.mktemp("global") / "multibox.safetensors"
    save_multibox(path, network, (123.0, 117.0, 104.0), {})
    return path


def pictures(size: int) -> NDArray[np.uint8]:
    found = [resize(one, (size, size)) for one in (data.astronaut(), data.chelsea())]
    return (np.stack(found) * 255).astype(np.uint8)


@pytest.mark.parametrize("head", ["weights", "global_weights"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.15)])
def test_openvino_predicts_what_torch_does(
    head: str, precision: str, tolerance: float, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(head)
    exact = TorchPredictor(load_multibox(path, GoogLeNet(1)))
    found = OpenVinoPredictor(path, GoogLeNetMaps(), images=2, precision=precision)
    assert found.size == exact.size
    np.testing.assert_array_equal(found.priors, exact.priors)
    np.testing.assert_array_equal(found.scales, exact.scales)
    images = pictures(exact.size)
    wanted, got = exact(images), found(images)
    for one, other in zip(wanted, got, strict=True):
        assert one.shape == other.shape
        assert one.std() > 0.05
        np.testing.assert_allclose(other, one, rtol=0, atol=tolerance * one.std() * 5)


def test_weights_of_other_layers_are_refused_before_they_are_compiled(
    weights: Path, tmp_path: Path
) -> None:
    read = read_multibox(weights)
    for name, tensor in (("head.fine.bias", np.zeros(3)), ("backbone.conv1.bias", np.zeros(3))):
        changed = replace(read, tensors={**read.tensors, name: tensor})
        write_multibox(tmp_path / "bad.safetensors", changed)
        with pytest.raises(WeightsError, match=rf"bad.*'{name}' must have shape"):
            OpenVinoPredictor(tmp_path / "bad.safetensors", GoogLeNetMaps(), images=1)


def test_8_bits_need_calibrated_weights(weights: Path) -> None:
    with pytest.raises(ValueError, match="8-bit arithmetic needs calibrated weights"):
        OpenVinoPredictor(weights, GoogLeNetMaps(), images=1, precision="int8")


def test_decoded_boxes_lie_in_the_image_with_edges_in_order() -> None:
    generator = np.random.default_rng(0)
    priors = generator.uniform(size=(50, 4)).astype(np.float32)
    residuals = 5 * generator.standard_normal((50, 4)).astype(np.float32)
    boxes = decode(residuals, priors, np.ones((50, 4), np.float32))
    assert boxes.shape == (50, 4)
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    assert (boxes[:, :2] <= boxes[:, 2:]).all()


def test_no_residual_gives_the_prior() -> None:
    priors = np.array([[0.1, 0.2, 0.3, 0.4], [-0.1, 0.0, 0.5, 1.2]], np.float32)
    boxes = decode(np.zeros((2, 4), np.float32), priors, np.ones((2, 4), np.float32))
    np.testing.assert_array_equal(
        boxes, np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.5, 1.0]], np.float32)
    )
