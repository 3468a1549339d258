from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from proposals.features import Regions, describe_regions, neighbours, texture_bins
from proposals.filters import gaussian_derivatives
from proposals.grouping import SIMILARITIES, group
from proposals.segmentation import segment


def described(image: NDArray[np.uint8], k: int) -> tuple[NDArray[np.int32], Regions]:
    labels = segment(image, k, k, sigma=0.8)
    return labels, describe_regions(labels, image, texture_bins(image, sigma=1.0))


def group_slowly(
    regions: Regions, pairs: NDArray[np.int32], area: int, terms: tuple[str, ...]
) -> list[list[int]]:
    """Recompute every similarity of every pair after each join, in double precision."""
    parts = {
        i: (float(regions.sizes[i]), regions.boxes[i], regions.colour[i].astype(float),
            regions.texture[i].astype(float))
        for i in range(len(regions.sizes))
    }  # fmt: skip
    links = {frozenset(pair) for pair in pairs.tolist()}
    boxes: list[list[int]] = []
    while links:

        def likeness(link: frozenset[int]) -> float:
            (size_a, box_a, colour_a, texture_a), (size_b, box_b, colour_b, texture_b) = (
                parts[i] for i in link
            )
            low, high = np.minimum(box_a, box_b)[:2], np.maximum(box_a, box_b)[2:]
            values = {
                "colour": np.minimum(colour_a, colour_b).sum(),
                "texture": np.minimum(texture_a, texture_b).sum(),
                "size": 1 - (size_a + size_b) / area,
                "fill": 1 - ((high - low).prod() - size_a - size_b) / area,
            }
            return float(np.mean([values[term] for term in terms]))

        a, b = max(links, key=likeness)
        (size_a, box_a, colour_a, texture_a), (size_b, box_b, colour_b, texture_b) = (
            parts.pop(a),
            parts.pop(b),
        )
        union = len(regions.sizes) + len(boxes)
        box = np.concatenate([np.minimum(box_a, box_b)[:2], np.maximum(box_a, box_b)[2:]])
        size = size_a + size_b
        parts[union] = (
            size,
            box,
            (size_a * colour_a + size_b * colour_b) / size,
            (size_a * texture_a + size_b * texture_b) / size,
        )
        moved = {frozenset(union if i in (a, b) else i for i in link) for link in links}
        links = {link for link in moved if len(link) == 2}
        boxes.append(box.tolist())
    return boxes


@pytest.mark.parametrize("terms", [SIMILARITIES, ("texture", "size", "fill"), ("fill",), ("size",)])
def test_joins_come_in_the_order_of_a_slow_search(terms: tuple[str, ...]) -> None:
    image = data.chelsea()[60:160, 120:260]
    labels, regions = described(image, k=60)
    pairs = neighbours(labels)
    assert len(regions.sizes) > 15
    found = group(regions, pairs, labels.size, terms)
    assert found.tolist() == group_slowly(regions, pairs, labels.size, terms)


def test_one_region_joins_nothing() -> None:
    labels, regions = described(np.zeros((8, 9, 3), np.uint8), k=10)
    assert group(regions, neighbours(labels), labels.size, SIMILARITIES).shape == (0, 4)


def test_the_last_union_is_the_whole_image() -> None:
    labels, regions = described(data.coffee()[:120, :150], k=50)
    boxes = group(regions, neighbours(labels), labels.size, SIMILARITIES)
    assert len(boxes) == len(regions.sizes) - 1
    assert boxes[-1].tolist() == [0, 0, 150, 120]


def test_regions_are_described_as_their_pixels_say() -> None:
    image = data.astronaut()[:90, 150:260]
    labels, regions = described(image, k=80)
    bins = texture_bins(image, sigma=1.0)
    for region in range(labels.max() + 1):
        rows, columns = np.nonzero(labels == region)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert regions.boxes[region].tolist() == box
        assert regions.sizes[region] == len(rows)
        pixels = image[rows, columns].astype(int) * 25 // 256  # (n, 3)
        colour = np.concatenate([np.bincount(pixels[:, c], minlength=25) for c in range(3)])
        np.testing.assert_allclose(regions.colour[region], colour / (3 * len(rows)), atol=1e-6)
        texture = np.bincount(bins[rows, columns].ravel(), minlength=240)
        np.testing.assert_allclose(regions.texture[region], texture / (24 * len(rows)), atol=1e-6)


def test_texture_bins_follow_the_rectified_derivatives() -> None:
    image = data.coffee()[100:140, 200:260]
    slope_x, slope_y = gaussian_derivatives(image, 1.0)
    angles = np.arange(8) * np.pi / 4
    responses = slope_x[..., None] * np.cos(angles) + slope_y[..., None] * np.sin(angles)
    largest = responses.max(axis=(0, 1, 3), keepdims=True)
    levels = np.minimum(np.maximum(responses, 0) / largest * 10, 9).astype(int)  # (H, W, 3, 8)
    expected = levels + 10 * np.arange(8) + 80 * np.arange(3)[:, None]
    found = texture_bins(image, 1.0).reshape(expected.shape)
    assert (found == expected).mean() > 0.999  # rounding moves a few across a bin's edge


def test_neighbours_share_a_border() -> None:
    labels = np.array([[0, 0, 1], [2, 0, 1], [2, 3, 3]], np.int32)
    assert neighbours(labels).tolist() == [[0, 1], [0, 2], [0, 3], [1, 3], [2, 3]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_lines_have_neighbours_too(shape: tuple[int, int]) -> None:
    labels = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    assert len(neighbours(labels)) == labels.size - 1
