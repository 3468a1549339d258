from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from skimage import data

from proposals.selective_search.filters import gaussian_smooth
from proposals.selective_search.pixel_graph import pixel_graph


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (3, 4), (130, 7)])
def test_edges_and_grains_hold_every_pixel_and_edge_of_the_image(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    graph = pixel_graph(noise, least_k=1, sigma=0.8)
    assert np.bincount(graph.grains.ravel()).tolist() == graph.sizes.tolist()
    smoothed = gaussian_smooth(noise, 0.8)
    expected = []
    height, width = shape
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (1, 1), (-1, 1)):
                if not (0 <= y + dy < height and x + dx < width):
                    continue
                ends = graph.grains[y, x], graph.grains[y + dy, x + dx]
                if ends[0] != ends[1]:
                    step = smoothed[:, y, x] - smoothed[:, y + dy, x + dx]
                    expected.append((*ends, float(np.linalg.norm(step))))
    found = sorted(zip(*graph.ends.T.tolist(), graph.weights.tolist(), strict=True))
    np.testing.assert_allclose(found, sorted(expected), rtol=1e-5)


def test_buckets_are_in_ascending_order() -> None:
    planes = np.ascontiguousarray(data.coffee()[:150, :100].transpose(2, 0, 1))
    graph = pixel_graph(planes, least_k=50, sigma=0.8)
    for strip in graph.starts:
        parts = [graph.weights[a:b] for a, b in pairwise(strip) if a < b]
        assert all(low.max() <= high.min() for low, high in pairwise(parts))


def test_a_featureless_strip_is_one_grain_but_for_its_border() -> None:
    assert pixel_graph(np.full((1, 20, 30), 7, np.uint8), 50, 0.8).sizes.tolist() == [600]
