from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from backbones import GoogLeNet
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.training.calibration import calibrate, range_points

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


def test_range_points_are_what_convolutions_read_after_the_first_one() -> None:
    network = GoogLeNet(4).eval()
    read: dict[str, float] = {}
    made: dict[str, float] = {}

    def note_input(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _module, inputs: read.update({name: float(inputs[0].max())})

    def note_output(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _inputs, output: made.update({name: float(output.max())})

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and name != "conv1":
            module.register_forward_pre_hook(note_input(name))
    for point in range_points():
        network.get_submodule(point).register_forward_hook(note_output(point))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        network(torch.randn(1, 3, 224, 224, generator=generator) * 50)
    # Pooling keeps the maximum, and no two activations have the same one.
    assert set(read.values()) == set(made.values())
    assert len(set(made.values())) == len(range_points()) == 29
