from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from backbones import InputStatistics


@pytest.mark.parametrize("count", [0, 1, 3])
def test_normalise_subtracts_the_mean_of_each_colour(count: int) -> None:
    statistics = InputStatistics(mean_rgb=(10.0, 20.5, 0.0), size=4)
    images = torch.arange(count * 48, dtype=torch.uint8).reshape(count, 4, 4, 3)
    result = statistics.normalise(images)
    assert result.shape == (count, 3, 4, 4)
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    for channel, mean in enumerate((10.0, 20.5, 0.0)):
        assert torch.equal(result[:, channel], images[..., channel].float() - mean)


def test_normalise_leaves_its_input_as_it_is() -> None:
    images = torch.full((1, 2, 2, 3), 7, dtype=torch.uint8)
    InputStatistics(size=2).normalise(images)
    assert (images == 7).all()


def test_mean_picture_becomes_zero() -> None:
    images = torch.tensor([123, 117, 104], dtype=torch.uint8).expand(1, 224, 224, 3)
    assert not InputStatistics().normalise(images).any()


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(torch.zeros(0), id="no axes"),
        pytest.param(torch.zeros(1, 8, 8, 3), id="float"),
        pytest.param(torch.zeros(8, 8, 3, dtype=torch.uint8), id="no batch axis"),
        pytest.param(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), id="channels first"),
        pytest.param(torch.zeros(1, 8, 9, 3, dtype=torch.uint8), id="wrong width"),
    ],
)
def test_normalise_refuses_other_layouts(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"uint8 of shape \(N, 8, 8, 3\) but got"):
        InputStatistics(size=8).normalise(images)


@pytest.mark.parametrize(
    "mean",
    [(), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0), (-1.0, 2.0, 3.0), (1.0, 256.0, 3.0), (1.0, np.nan, 3.0)],
)
def test_impossible_mean_is_refused(mean: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"but got {mean}")):
        InputStatistics(mean_rgb=mean)


@pytest.mark.parametrize("size", [0, -224, 224.0, True])
def test_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"but got {size}"):
        InputStatistics(size=size)
