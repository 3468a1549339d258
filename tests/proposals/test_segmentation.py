from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data
from skimage.segmentation import felzenszwalb

from proposals.filters import gaussian_derivatives, gaussian_smooth
from proposals.segmentation import segment

PICTURES = {"astronaut": data.astronaut, "chelsea": data.chelsea, "coffee": data.coffee}


def assert_same_partition(first: NDArray[np.int32], second: NDArray[np.int64]) -> None:
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(first)) == len(np.unique(second))


@pytest.mark.parametrize("k", [50, 100, 200])
@pytest.mark.parametrize("name", PICTURES)
def test_real_pictures_divide_as_in_scikit_image(name: str, k: int) -> None:
    picture = PICTURES[name]()
    reference = felzenszwalb(picture, scale=k, sigma=0.8, min_size=k)
    assert_same_partition(segment(picture, k, k, sigma=0.8), reference)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (24, 31)])
def test_noise_divides_as_in_scikit_image(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    reference = felzenszwalb(noise, scale=300, sigma=0.8, min_size=4)
    assert_same_partition(segment(noise, k=300, min_size=4, sigma=0.8), reference)


def test_a_featureless_image_is_one_region() -> None:
    assert segment(np.full((20, 30, 3), 9, np.uint8), 50, 1, 0.8).max() == 0


def test_labels_are_numbered_by_first_appearance() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, 3:] = 255
    labels = segment(image, k=1, min_size=1, sigma=0)
    np.testing.assert_array_equal(labels, np.repeat([[0, 0, 0, 1, 1, 1]], 4, axis=0))


def test_no_region_is_under_the_least_size() -> None:
    labels = segment(data.chelsea(), k=20, min_size=60, sigma=0.8)
    assert np.bincount(labels.ravel()).min() >= 60


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (30, 40)])
@pytest.mark.parametrize("sigma", [0.8, 1.0, 2.5])
def test_filters_equal_those_of_scipy(shape: tuple[int, int], sigma: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    wide = image.astype(np.float64)
    smooth = ndimage.gaussian_filter(wide, (sigma, sigma, 0))
    np.testing.assert_allclose(gaussian_smooth(image, sigma), smooth, atol=1e-3)
    along_x, along_y = gaussian_derivatives(image, sigma)
    # Ours give a ramp its true slope; scipy's lose a little where the kernel is cut.
    for found, order in ((along_x, (0, 1, 0)), (along_y, (1, 0, 0))):
        expected = ndimage.gaussian_filter(wide, (sigma, sigma, 0), order=order)
        np.testing.assert_allclose(found, expected, atol=0.1)


def test_the_derivative_of_a_ramp_is_its_slope() -> None:
    ramp = np.tile(np.arange(0, 120, 3, dtype=np.uint8)[None, :, None], (9, 1, 3))
    along_x, along_y = gaussian_derivatives(ramp, 1.0)
    np.testing.assert_allclose(along_x[:, 5:-5], 3, atol=1e-4)
    np.testing.assert_allclose(along_y, 0, atol=1e-4)
