from __future__ import annotations

import pytest

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


def test_range_points_are_outputs_that_another_convolution_reads() -> None:
    points = range_points()
    assert points[:6] == (
        "lrn1",
        "conv2_reduce",
        "lrn2",
        "inception_3a.conv3x3_reduce",
        "inception_3a.conv5x5_reduce",
        "inception_3a",
    )
    assert points[-2:] == ("inception_5b.conv3x3_reduce", "inception_5b.conv5x5_reduce")
    assert len(points) == 3 + 3 * 9 - 1
    modules = dict(GoogLeNet(1).named_modules())
    assert set(points) <= modules.keys()
