"""All hierarchies of an image, from its pixels to the boxes of its regions, in some threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proposals.selective_search.colour import convert
from proposals.selective_search.config import SelectiveSearchConfig
from proposals.selective_search.features import Regions, describe_regions, neighbours
from proposals.selective_search.grouping import group
from proposals.selective_search.pixel_graph import PixelGraph, pixel_graph
from proposals.selective_search.segmentation import segment_graph
from proposals.selective_search.texture import texture_levels

_PIXELS_AT_ONCE = 32_000_000  # of all colour spaces in work; bounds the memory of large images


class Hierarchy(NamedTuple):
    """Boxes of one hierarchy; those of the initial regions only where they are new."""

    initial: NDArray[np.int32]  # (n or 0, 4)
    merged: NDArray[np.int32]  # (m, 4) in the order of joining


def build_hierarchies(
    working: NDArray[np.uint8], config: SelectiveSearchConfig, threads: int
) -> list[Hierarchy]:
    """Build all hierarchies: by colour space, in that by k, in that by similarity."""
    at_once = max(1, _PIXELS_AT_ONCE // (working.shape[0] * working.shape[1]))
    found: list[Hierarchy] = []
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(config.colour_spaces), at_once):
            spaces = config.colour_spaces[start : start + at_once]
            found += _hierarchies_of(spaces, working, config, pool)
    return found


def _hierarchies_of(
    spaces: Sequence[str],
    working: NDArray[np.uint8],
    config: SelectiveSearchConfig,
    pool: ThreadPoolExecutor,
) -> list[Hierarchy]:
    """Build the hierarchies of some colour spaces, in as many jobs as there are parts.

    Jobs wait for others, but only for such as were submitted before; and those have been
    begun before. So there is always one that need not wait.
    """
    planes = [pool.submit(convert, working, space) for space in spaces]
    graphs = [pool.submit(_graph_job, image, config) for image in planes]
    levels = [pool.submit(_texture_job, image, config) for image in planes]
    labels = [[pool.submit(_segment_job, graph, k) for k in config.ks] for graph in graphs]
    regions = [
        pool.submit(_describe_job, *parts) for parts in zip(labels, planes, levels, strict=True)
    ]
    pairs = [[pool.submit(_neighbours_job, one) for one in of_space] for of_space in labels]
    area = working.shape[0] * working.shape[1]
    groupings = [
        pool.submit(_group_job, regions[space], pairs[space][k], k, index == 0, area, terms)
        for space in range(len(spaces))
        for k in range(len(config.ks))
        for index, terms in enumerate(config.similarities)
    ]
    return [grouping.result() for grouping in groupings]


def _graph_job(planes: Future[NDArray[np.uint8]], config: SelectiveSearchConfig) -> PixelGraph:
    return pixel_graph(planes.result(), min(config.ks), config.sigma)


def _texture_job(
    planes: Future[NDArray[np.uint8]], config: SelectiveSearchConfig
) -> NDArray[np.uint8]:
    return texture_levels(planes.result(), config.texture_sigma)


def _segment_job(graph: Future[PixelGraph], k: int) -> NDArray[np.int32]:
    return segment_graph(graph.result(), k, min_size=k)


def _describe_job(
    labels: Sequence[Future[NDArray[np.int32]]],
    planes: Future[NDArray[np.uint8]],
    levels: Future[NDArray[np.uint8]],
) -> list[Regions]:
    return describe_regions([one.result() for one in labels], planes.result(), levels.result())


def _neighbours_job(labels: Future[NDArray[np.int32]]) -> NDArray[np.int32]:
    return neighbours(labels.result())


def _group_job(
    regions: Future[list[Regions]],
    pairs: Future[NDArray[np.int32]],
    k: int,
    first: bool,
    area: int,
    similarity: Sequence[str],
) -> Hierarchy:
    """Build one hierarchy of the segmentation by the k of that place.

    The initial boxes go with the first hierarchy of a segmentation.
    """
    of_k = regions.result()[k]
    initial = of_k.boxes if first else of_k.boxes[:0]
    return Hierarchy(initial, group(of_k, pairs.result(), area, similarity))
