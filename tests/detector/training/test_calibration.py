from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from torch.nn import functional as F  # noqa: N812

from backbones import GoogLeNet
from backbones.graph import GoogLeNetMaps
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.training.calibration import calibrate, calibrate_multibox, range_points, spread
from proposals.multibox import (
    ConvolutionalHead,
    GlobalHead,
    MultiBoxNetwork,
    OpenVinoPredictor,
    save_multibox,
)
from proposals.multibox.weights_file import read_multibox, write_multibox

Windows = Callable[[int], NDArray[np.uint8]]


@pytest.mark.parametrize("batches", [[], [0], [0, 0]])
def test_no_regions_are_refused(
    member: Member, random_windows: Windows, batches: list[int]
) -> None:
    with pytest.raises(ValueError, match="no activation above 0 at lrn1"):
        calibrate(member, [random_windows(count) for count in batches])


def test_every_range_is_the_largest_activation_of_its_module(
    member: Member, random_windows: Windows
) -> None:
    windows = random_windows(6)
    ranges = calibrate(member, [windows[:4], windows[4:]])
    assert tuple(ranges) == range_points()
    network = TorchMember.of(member).network
    x = member.statistics.normalise(torch.as_tensor(windows))
    with torch.no_grad():
        pooled = F.max_pool2d(network.conv1(x).relu(), 3, stride=2, ceil_mode=True)
        first = network.lrn1(pooled)
        at_4a = network.inception_4a(network.stem(x))
    assert ranges["lrn1"] == pytest.approx(float(first.max()), rel=1e-4)
    assert ranges["inception_4a"] == pytest.approx(float(at_4a.max()), rel=1e-4)


def test_a_network_that_gives_nothing_is_refused(member: Member, random_windows: Windows) -> None:
    dead = {name: np.zeros_like(tensor) for name, tensor in member.tensors.items()}
    with pytest.raises(ValueError, match="calibrate with regions of real photographs"):
        calibrate(replace(member, tensors=dead), [random_windows(1)])


@pytest.fixture(scope="module")
def multibox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = MultiBoxNetwork(GoogLeNet(1), ConvolutionalHead(64), 64).eval()
        with torch.no_grad():
            for layer in network.head.predict:
                layer.weight.normal_(std=0.5)
    path = tmp_path_factory.mktemp("multibox") / "multibox.safetensors"
    save_multibox(path, network, (123.0, 117.0, 104.0), {"steps": 0})
    return path


def test_no_images_are_refused(multibox: Path) -> None:
    with pytest.raises(ValueError, match="no activation above 0"):
        calibrate_multibox(multibox, [])


def test_the_global_head_is_not_calibrated(tmp_path: Path) -> None:
    network = MultiBoxNetwork(GoogLeNet(1), GlobalHead(np.ones((2, 4), np.float32)), 64)
    save_multibox(tmp_path / "global", network, (0.0, 0.0, 0.0), {})
    with pytest.raises(ValueError, match="8 bits are for the convolutional head"):
        calibrate_multibox(tmp_path / "global", [data.chelsea()])


@pytest.mark.parametrize(
    ("count", "wanted", "places"),
    [
        (0, 3, []),
        (2, 3, [0, 1]),
        (3, 3, [0, 1, 2]),
        (5, 3, [0, 1, 3]),
        (255, 128, [place * 255 // 128 for place in range(128)]),
    ],
)
def test_places_are_spread_over_the_whole(count: int, wanted: int, places: list[int]) -> None:
    assert spread(count, wanted) == places


def test_multibox_in_8_bits_predicts_nearly_what_it_does_in_floats(
    multibox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = [data.astronaut(), data.chelsea()]
    path = tmp_path / "calibrated.safetensors"
    ranges = calibrate_multibox(multibox, images)
    write_multibox(path, replace(read_multibox(multibox), activation_ranges=ranges))
    small = np.stack([np.array(Image.fromarray(one).resize((64, 64))) for one in images])
    exact, rounded = (
        OpenVinoPredictor(path, GoogLeNetMaps(), images=2, precision=precision)(small)
        for precision in ("float32", "int8")
    )
    difference = rounded.logits - exact.logits
    assert 0 < difference.std() < 0.5 * exact.logits.std()
