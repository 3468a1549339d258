from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from backbones import GoogLeNet
from backbones.layout import parameter_shapes, range_points


@pytest.mark.parametrize("classes", [1, 10])
def test_shapes_are_those_of_the_network(classes: int) -> None:
    network = GoogLeNet(classes, auxiliary_heads=True).state_dict()
    found = {
        name: tuple(tensor.shape)
        for name, tensor in network.items()
        if not name.startswith("auxiliary")
    }
    assert parameter_shapes(classes) == found


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
