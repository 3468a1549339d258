from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from proposals.selective_search.filters import gaussian_smooth
from proposals.selective_search.pixel_graph import PixelGraph, pixel_graph
from proposals.selective_search.segmentation import segment_graph


def slow_edges(colours: NDArray[np.float32], grains: NDArray[np.int32]) -> list[tuple[float, ...]]:
    """Return weight, position and the two grains of all edges between grains, in that order."""
    _, height, width = colours.shape
    edges = []
    for y in range(height):
        for x in range(width):
            for way, (dy, dx) in enumerate(((0, 1), (1, 0), (1, 1), (-1, 1))):
                if not (0 <= y + dy < height and x + dx < width):
                    continue
                a, b = sorted((int(grains[y, x]), int(grains[y + dy, x + dx])))
                if a != b:
                    steps = colours[:, y, x] - colours[:, y + dy, x + dx]
                    squares = steps * steps
                    weight = float(np.sqrt(squares[0] + squares[1] + squares[2]))
                    edges.append((weight, 4 * (y * width + x) + way, a, b))
    return sorted(edges)


def first_of_each_pair(edges: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    seen = set()
    return [edge for edge in edges if edge[-2:] not in seen and not seen.add(edge[-2:])]


def edges_of(graph: PixelGraph) -> list[tuple[float, ...]]:
    ends = graph.ends.tolist()
    return [(w, a, b) for w, (a, b) in zip(graph.weights.tolist(), ends, strict=True)]


@pytest.fixture
def strips_of_16_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{pixel_graph.__module__}.strip_rows", lambda _width: 16)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5), (5, 1), (2, 2), (3, 4), (50, 7), (16, 5), (17, 1)]
)
@pytest.mark.usefixtures("strips_of_16_rows")
def test_the_lightest_edge_of_each_two_grains_is_kept(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    graph = pixel_graph(noise, least_k=1, sigma=0.8)
    labels = graph.grains.labels
    assert np.bincount(labels.ravel()).tolist() == graph.grains.sizes.tolist()
    edges = slow_edges(gaussian_smooth(noise, 0.8), labels)
    expected = [(weight, a, b) for weight, _, a, b in first_of_each_pair(edges)]
    assert first_of_each_pair(edges_of(graph)) == expected


@pytest.mark.usefixtures("strips_of_16_rows")
def test_equal_weights_come_in_the_order_of_their_positions() -> None:
    draw = np.random.default_rng(0)
    planes = draw.integers(0, 2, (3, 70, 9), dtype=np.uint8) * np.uint8(90)
    graph = pixel_graph(planes, least_k=1, sigma=0)
    assert len(np.unique(graph.weights)) <= 4
    edges = slow_edges(planes.astype(np.float32), graph.grains.labels)
    expected = [(weight, a, b) for weight, _, a, b in first_of_each_pair(edges)]
    assert first_of_each_pair(edges_of(graph)) == expected


def test_few_parallel_edges_are_left() -> None:
    planes = np.ascontiguousarray(data.coffee()[:150, :200].transpose(2, 0, 1))
    edges = edges_of(pixel_graph(planes, least_k=50, sigma=0.8))
    assert len(first_of_each_pair(edges)) > 0.9 * len(edges)
    weights = [edge[0] for edge in edges]
    assert weights == sorted(weights)


@pytest.mark.usefixtures("strips_of_16_rows")
def test_a_featureless_image_is_a_grain_a_strip() -> None:
    graph = pixel_graph(np.full((1, 16, 30), 7, np.uint8), 50, 0.8)
    assert graph.grains.sizes.tolist() == [480]
    assert edges_of(graph) == []


@pytest.mark.parametrize("rows", [5, 16, 64])
def test_segmentations_do_not_depend_on_strips(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    planes = np.ascontiguousarray(data.astronaut()[:130, 100:300].transpose(2, 0, 1))
    whole = pixel_graph(planes, 30, 0.8)
    monkeypatch.setattr(f"{pixel_graph.__module__}.strip_rows", lambda _width: rows)
    strips = pixel_graph(planes, 30, 0.8)
    assert len(strips.grains.sizes) > len(whole.grains.sizes)
    for k in (30, 100, 300):
        np.testing.assert_array_equal(segment_graph(strips, k, k), segment_graph(whole, k, k))
