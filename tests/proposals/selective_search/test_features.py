from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from proposals.selective_search.features import (
    ONE,
    Regions,
    describe_regions,
    neighbours,
)
from proposals.selective_search.filters import gaussian_derivatives
from proposals.selective_search.segmentation import segment
from proposals.selective_search.texture import texture_levels


def planes_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image.transpose(2, 0, 1))  # (3, H, W)


def described(planes: NDArray[np.uint8], k: int) -> tuple[NDArray[np.int32], Regions]:
    labels = segment(planes, k, k, sigma=0.8)
    (regions,) = describe_regions([labels], planes, texture_levels(planes, sigma=1.0))
    return labels, regions


def directions_of(levels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the bin of each channel and of each of eight directions, (C, 8, H, W)."""
    signed = levels.astype(int) - 9
    return np.concatenate([np.maximum(signed, 0), np.maximum(-signed, 0)], axis=1)


def test_regions_are_described_as_their_pixels_say() -> None:
    planes = planes_of(data.astronaut()[:90, 150:260])
    labels, regions = described(planes, k=80)
    bins = directions_of(texture_levels(planes, sigma=1.0))
    for region in range(labels.max() + 1):
        rows, columns = np.nonzero(labels == region)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert regions.boxes[region].tolist() == box
        assert regions.sizes[region] == len(rows)
        pixels = planes[:, rows, columns].astype(int) * 25 // 256  # (3, n)
        colour = np.concatenate([np.bincount(channel, minlength=25) for channel in pixels])
        expected = colour / (3 * len(rows))
        np.testing.assert_allclose(regions.colour[region] / ONE, expected, atol=2e-9)
        of_region = bins[:, :, rows, columns].reshape(24, -1)
        texture = np.concatenate([np.bincount(one, minlength=10) for one in of_region])
        expected = texture / (24 * len(rows))
        np.testing.assert_allclose(regions.texture[region] / ONE, expected, atol=2e-9)


def test_segmentations_are_described_together_as_each_alone() -> None:
    planes = planes_of(data.coffee()[100:190, 200:330])
    levels = texture_levels(planes, sigma=1.0)
    segmentations = [segment(planes, k, k, sigma=0.8) for k in (30, 60, 200)]
    segmentations.append(np.zeros_like(segmentations[0]))
    together = describe_regions(segmentations, planes, levels)
    for labels, of_labels in zip(segmentations, together, strict=True):
        (alone,) = describe_regions([labels], planes, levels)
        for found, expected in zip(of_labels, alone, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_texture_levels_follow_the_rectified_derivatives() -> None:
    planes = np.ascontiguousarray(data.coffee()[100:140, 200:260].transpose(2, 0, 1))
    angles = np.arange(8)[:, None, None] * np.pi / 4
    expected = []
    for plane in planes:
        slope_x, slope_y = gaussian_derivatives(plane, 1.0)
        responses = slope_x * np.cos(angles) + slope_y * np.sin(angles)  # (8, H, W)
        expected.append(np.minimum(np.maximum(responses, 0) / responses.max() * 10, 9).astype(int))
    found = directions_of(texture_levels(planes, 1.0))
    assert (found == np.array(expected)).mean() > 0.999  # rounding moves a few across an edge


def test_a_featureless_image_has_no_texture() -> None:
    assert (texture_levels(np.full((1, 5, 6), 7, np.uint8), 1.0) == 9).all()


def test_one_channel_is_described_as_each_of_three_equal_ones() -> None:
    plane = data.camera()[None, 100:200, 150:300]
    labels, one = described(plane, k=60)
    _, three = described(np.repeat(plane, 3, axis=0), k=60)
    np.testing.assert_array_equal(three.colour, np.tile(one.colour, 3))
    np.testing.assert_array_equal(three.texture, np.tile(one.texture, 3))
    assert len(one.sizes) == labels.max() + 1 > 10


def test_neighbours_share_a_border() -> None:
    labels = np.array([[0, 0, 1], [2, 0, 1], [2, 3, 3]], np.int32)
    assert neighbours(labels).tolist() == [[0, 1], [0, 2], [0, 3], [1, 3], [2, 3]]


def test_one_region_has_no_neighbours() -> None:
    assert neighbours(np.zeros((4, 5), np.int32)).shape == (0, 2)


def test_more_neighbours_than_are_remembered_are_listed_once() -> None:
    labels = np.arange(150 * 60, dtype=np.int32).reshape(150, 60)
    across = [(p, p + 1) for p in labels[:, :-1].ravel().tolist()]
    down = [(p, p + 60) for p in labels[:-1].ravel().tolist()]
    assert neighbours(labels).tolist() == sorted([list(pair) for pair in across + down])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_lines_have_neighbours_too(shape: tuple[int, int]) -> None:
    labels = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    assert len(neighbours(labels)) == labels.size - 1
