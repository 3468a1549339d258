from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data
from skimage.segmentation import felzenszwalb

from proposals.selective_search.filters import gaussian_smooth
from proposals.selective_search.pixel_graph import pixel_graph
from proposals.selective_search.segmentation import segment, segment_graph


def planes_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image.transpose(2, 0, 1))  # (3, H, W)


PICTURES = {"astronaut": data.astronaut, "chelsea": data.chelsea, "coffee": data.coffee}


def felzenszwalb_of(planes: NDArray[np.uint8], k: float, min_size: int) -> NDArray[np.int64]:
    """Divide by scikit-image, smoothed as the published code does, which it smooths otherwise."""
    smoothed = gaussian_smooth(planes, 0.8).transpose(1, 2, 0).astype(np.float64)
    # It divides k by 255, for values from 0 to 1.
    return np.asarray(felzenszwalb(smoothed, scale=255 * k, sigma=0, min_size=min_size))


def assert_same_partition(first: NDArray[np.int32], second: NDArray[np.int64]) -> None:
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(first)) == len(np.unique(second))


@pytest.mark.parametrize("k", [50, 100, 200])
@pytest.mark.parametrize("name", PICTURES)
def test_real_pictures_divide_as_in_scikit_image(name: str, k: int) -> None:
    planes = planes_of(PICTURES[name]())
    assert_same_partition(segment(planes, k, k, sigma=0.8), felzenszwalb_of(planes, k, k))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (24, 31), (150, 9)])
def test_noise_divides_as_in_scikit_image(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    planes = planes_of(noise)
    reference = felzenszwalb_of(planes, 300, 4)
    assert_same_partition(segment(planes, k=300, min_size=4, sigma=0.8), reference)


def test_a_featureless_image_is_one_region() -> None:
    assert segment(np.full((3, 20, 30), 9, np.uint8), 50, 1, 0.8).max() == 0


def test_labels_are_numbered_by_first_appearance() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, 3:] = 255
    labels = segment(planes_of(image), k=1, min_size=1, sigma=0)
    np.testing.assert_array_equal(labels, np.repeat([[0, 0, 0, 1, 1, 1]], 4, axis=0))


def test_no_region_is_under_the_least_size() -> None:
    labels = segment(planes_of(data.chelsea()), k=20, min_size=60, sigma=0.8)
    assert np.bincount(labels.ravel()).min() >= 60


def test_one_graph_serves_every_larger_k() -> None:
    planes = planes_of(data.coffee()[:200, :260])
    graph = pixel_graph(planes, least_k=20, sigma=0.8)
    for k in (20, 50, 300):
        np.testing.assert_array_equal(segment_graph(graph, k, k), segment(planes, k, k, 0.8))


def test_a_smaller_k_than_the_graphs_is_refused() -> None:
    graph = pixel_graph(np.zeros((1, 4, 4), np.uint8), least_k=50, sigma=0.8)
    with pytest.raises(ValueError, match=r"k must be 50.0 or more for this graph, but got 20"):
        segment_graph(graph, k=20, min_size=1)


def test_one_channel_divides_as_three_equal_ones() -> None:
    plane = data.camera()[None, 100:300, 100:300]
    three = np.repeat(plane, 3, axis=0)
    np.testing.assert_array_equal(segment(plane, 60, 60, 0.8), segment(three, 60, 60, 0.8))
