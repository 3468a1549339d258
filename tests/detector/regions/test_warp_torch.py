from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from detector.regions.warp import warp_regions
from detector.regions.warp_config import WarpConfig
from detector.regions.warp_torch import warp_regions_on_device

Box = tuple[float, float, float, float]


def boxes(*rows: Box) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def on_device(
    image: NDArray[np.uint8], regions: NDArray[np.float32], config: WarpConfig, device: str = "cpu"
) -> NDArray[np.uint8]:
    tensor = torch.from_numpy(image.copy()).to(device)
    windows = warp_regions_on_device(tensor, regions, config)
    assert windows.device == tensor.device
    return windows.cpu().numpy()


@pytest.mark.parametrize(
    "regions",
    [
        boxes(),
        boxes((10, 10, 11, 11)),  # one pixel
        boxes((-30, -70, 90, 60), (430, 350, 530, 640)),  # over two corners
        boxes((-1e6, -1e6, 0.2, 0.2), (511.8, 0, 511.9, 5)),  # slivers of the image
        boxes((100, 120, 260, 300), (0, 0, 512, 512), (200.5, 10.25, 203.75, 400.5)),
    ],
)
@pytest.mark.parametrize("config", [WarpConfig(), WarpConfig(56, 0, (1, 2, 3)), WarpConfig(1, 0)])
def test_windows_equal_those_of_warp_regions(
    regions: NDArray[np.float32], config: WarpConfig
) -> None:
    image = data.astronaut()
    windows = on_device(image, regions, config)
    np.testing.assert_array_equal(windows, warp_regions(image, regions, config))
    assert windows.dtype == np.uint8


@settings(max_examples=60)
@given(
    corner=st.tuples(st.floats(-20, 35, width=32), st.floats(-20, 25, width=32)),
    extent=st.tuples(st.floats(0.5, 60, width=32), st.floats(0.5, 60, width=32)),
    size=st.integers(1, 40),
    seed=st.integers(0, 9),
)
def test_any_box_gives_the_window_of_warp_regions(
    corner: tuple[float, float], extent: tuple[float, float], size: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
    x1, y1 = corner
    regions = boxes((x1, y1, max(x1 + extent[0], 1), max(y1 + extent[1], 1)))
    config = WarpConfig(size, context_padding=(size - 1) // 4)
    np.testing.assert_array_equal(
        on_device(image, regions, config), warp_regions(image, regions, config)
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_windows_of_warp_regions() -> None:
    image, regions = data.astronaut(), boxes((100, 120, 260, 300), (-30.5, -70, 90, 60.25))
    windows = on_device(image, regions, WarpConfig(), "cuda")
    np.testing.assert_array_equal(windows, warp_regions(image, regions, WarpConfig()))


def test_an_image_of_one_pixel_keeps_its_colour() -> None:
    image = np.array([[[9, 8, 7]]], np.uint8)
    windows = on_device(image, boxes((0, 0, 1, 1)), WarpConfig(8, 0))
    assert (windows == (9, 8, 7)).all()


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(30, 40, dtype=torch.uint8),
        torch.zeros(30, 40, 3),
        torch.zeros(3, 30, 40, dtype=torch.uint8),
    ],
)
def test_an_image_that_is_not_rgb_bytes_is_refused(image: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"image must be \(H, W, 3\) uint8 but got"):
        warp_regions_on_device(image, boxes((0, 0, 9, 9)), WarpConfig())


def test_a_box_without_pixels_of_the_image_is_refused_by_its_index() -> None:
    image = torch.zeros(30, 40, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="box 1 must have an area inside the 40x30 image"):
        warp_regions_on_device(image, boxes((0, 0, 9, 9), (40, 0, 50, 9)), WarpConfig())
