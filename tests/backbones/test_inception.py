from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from backbones import INCEPTION_WIDTHS, Inception, InceptionWidths

WIDTHS = InceptionWidths(n1x1=1, n3x3_reduce=2, n3x3=3, n5x5_reduce=2, n5x5=4, pool_proj=5)


@pytest.fixture
def zero_block() -> Inception:
    block = Inception(2, WIDTHS)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    return block


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (14, 14)])
@pytest.mark.parametrize("batch", [0, 2])
def test_keeps_height_and_width(batch: int, size: tuple[int, int]) -> None:
    assert Inception(2, WIDTHS)(torch.randn(batch, 2, *size)).shape == (batch, 13, *size)


def test_branches_stand_in_the_order_1x1_3x3_5x5_pool(zero_block: Inception) -> None:
    branches = (zero_block.conv1x1, zero_block.conv3x3, zero_block.conv5x5, zero_block.pool_proj)
    for value, conv in enumerate(branches, start=1):
        assert conv.bias is not None
        conv.bias.fill_(value)
    y = zero_block(torch.zeros(1, 2, 1, 1)).flatten()
    assert y.tolist() == [1] + 3 * [2] + 4 * [3] + 5 * [4]


def test_relu_follows_every_convolution(zero_block: Inception) -> None:
    for conv in zero_block.children():
        nn.init.constant_(conv.bias, -1.0)
        nn.init.constant_(conv.weight, 1.0)
    # A reduction below 0 must reach the next convolution as 0, not turn into more below 0.
    nn.init.constant_(zero_block.conv3x3.weight, -1.0)
    y = zero_block(torch.zeros(1, 2, 3, 3))
    assert torch.equal(y, torch.zeros_like(y))


def test_convolution_windows_are_3_and_5_wide(zero_block: Inception) -> None:
    for conv in (zero_block.conv3x3_reduce, zero_block.conv5x5_reduce):
        nn.init.constant_(conv.weight, 1.0)
    for conv in (zero_block.conv3x3, zero_block.conv5x5):
        nn.init.constant_(conv.weight, 1.0)
    x = torch.zeros(1, 2, 9, 9)
    x[..., 4, 4] = 1.0
    reached = (zero_block(x) > 0).sum(dim=(0, 2, 3)).tolist()
    assert reached == [0] + 3 * [9] + 4 * [25] + 5 * [0]


def test_pool_branch_takes_the_3x3_maximum_and_ignores_the_padding(zero_block: Inception) -> None:
    nn.init.constant_(zero_block.pool_proj.weight, -1.0)
    x = torch.full((1, 2, 4, 4), -3.0)
    x[..., 0, 0] = -1.0
    y = zero_block(x)[0, -1]  # minus the sum of two equal maxima
    expected = torch.full((4, 4), 6.0)
    expected[:2, :2] = 2.0
    assert torch.equal(y, expected)


def test_table_has_the_nine_blocks_of_the_paper() -> None:
    outputs = {name: widths.out_channels for name, widths in INCEPTION_WIDTHS.items()}
    assert outputs == {
        "3a": 256,
        "3b": 480,
        "4a": 512,
        "4b": 512,
        "4c": 512,
        "4d": 528,
        "4e": 832,
        "5a": 832,
        "5b": 1024,
    }
