from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data
from torch import Tensor

from backbones import InputStatistics, centre_crop


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


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 5000), (5000, 1), (256, 256), (300, 451)]
)
def test_crop_of_a_flat_picture_is_flat(height: int, width: int) -> None:
    crop = centre_crop(np.full((height, width, 3), (9, 100, 250), dtype=np.uint8))
    assert crop.shape == (224, 224, 3)
    assert crop.dtype == np.uint8
    assert (crop == (9, 100, 250)).all()


def test_crop_needs_no_resizing_at_a_short_side_of_256() -> None:
    image = np.random.default_rng(0).integers(0, 256, (256, 400, 3), dtype=np.uint8)
    assert np.array_equal(centre_crop(image), image[16:240, 88:312])


@pytest.mark.parametrize("image", [data.chelsea()[:, :450], data.coffee(), data.astronaut()])
def test_crop_equals_resizing_the_whole_picture_first(image: np.ndarray) -> None:
    height, width = image.shape[:2]
    scale = 256 / min(height, width)
    new_width, new_height = round(width * scale), round(height * scale)
    whole = Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BILINEAR)
    left, top = (new_width - 224) // 2, (new_height - 224) // 2
    expected = np.asarray(whole)[top : top + 224, left : left + 224]
    assert np.abs(centre_crop(image).astype(int) - expected).max() <= 1


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 600), width=st.integers(1, 600), seed=st.integers(0, 99))
def test_crop_of_the_mirrored_picture_is_the_mirrored_crop(
    height: int, width: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    mirrored = centre_crop(np.ascontiguousarray(image[:, ::-1])).astype(int)
    assert np.abs(mirrored[:, ::-1] - centre_crop(image)).max() <= 2  # rounding twice


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((0, 5, 3), np.uint8), id="no rows"),
        pytest.param(np.zeros((5, 5), np.uint8), id="grey"),
        pytest.param(np.zeros((5, 5, 4), np.uint8), id="four channels"),
        pytest.param(np.zeros((5, 5, 3), np.float32), id="float"),
    ],
)
def test_crop_refuses_other_layouts(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 of shape \(H, W, 3\)"):
        centre_crop(image)
