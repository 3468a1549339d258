from __future__ import annotations

from itertools import combinations
from types import ModuleType
from typing import Any

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
from proposals.selective_search.grouping import SIMILARITIES, group
from proposals.selective_search.segmentation import segment
from proposals.selective_search.texture import texture_levels

SUBSETS = [terms for count in range(1, 5) for terms in combinations(SIMILARITIES, count)]


def described(planes: NDArray[np.uint8], k: int) -> tuple[NDArray[np.int32], Regions]:
    labels = segment(planes, k, k, sigma=0.8)
    (regions,) = describe_regions([labels], planes, texture_levels(planes, sigma=1.0))
    return labels, regions


def assert_joins_as_slowly(
    regions: Regions, pairs: NDArray[np.int32], area: int, terms: tuple[str, ...], slow: Any
) -> None:
    rows = zip(*(part.tolist() for part in regions[:2]), *regions[2:], strict=True)
    initial = [slow.Region(*row) for row in rows]
    expected = slow.group(initial, [tuple(pair) for pair in pairs.tolist()], area, terms)
    assert group(regions, pairs, area, terms).tolist() == [list(box) for box in expected]


@pytest.mark.parametrize("terms", SUBSETS, ids="+".join)
def test_joins_come_in_the_order_of_a_slow_search(
    terms: tuple[str, ...], slow_search: ModuleType
) -> None:
    planes = np.ascontiguousarray(data.chelsea()[60:160, 120:260].transpose(2, 0, 1))
    labels, regions = described(planes, k=60)
    pairs = neighbours(labels)
    assert len(regions.sizes) > 15
    assert_joins_as_slowly(regions, pairs, labels.size, terms, slow_search)


@pytest.mark.parametrize("seed", range(5))
def test_many_regions_that_all_touch_join_as_in_a_slow_search(
    seed: int, slow_search: ModuleType
) -> None:
    # Room for edges must grow here.
    draw = np.random.default_rng(seed)
    count = 40
    corners = draw.integers(0, 900, (count, 2))
    boxes = np.concatenate([corners, corners + draw.integers(1, 100, (count, 2))], axis=1)
    regions = Regions(
        draw.integers(1, 1 << 20, count).astype(np.int32),
        boxes.astype(np.int32),
        draw.integers(0, ONE // 75, (count, 75)).astype(np.int32),
        draw.integers(0, ONE // 240, (count, 240)).astype(np.int32),
    )
    pairs = np.array([(a, b) for a in range(count) for b in range(a + 1, count)], np.int32)
    assert_joins_as_slowly(regions, pairs, 1 << 26, SIMILARITIES, slow_search)


def test_ties_among_many_regions_go_as_in_a_slow_search(slow_search: ModuleType) -> None:
    # Nine sizes among 30 regions of a board: most pairs have one as good beside them.
    draw = np.random.default_rng(0)
    board = np.arange(30, dtype=np.int32).reshape(5, 6)
    corners = np.argwhere(board >= 0)[:, ::-1] * 10
    regions = Regions(
        draw.integers(1, 10, 30).astype(np.int32),
        np.concatenate([corners, corners + 10], axis=1).astype(np.int32),
        np.zeros((30, 75), np.int32),
        np.zeros((30, 240), np.int32),
    )
    for terms in SUBSETS:
        assert_joins_as_slowly(regions, neighbours(board), 3000, terms, slow_search)


@pytest.mark.parametrize("terms", SUBSETS, ids="+".join)
def test_one_channel_joins_as_three_equal_ones(terms: tuple[str, ...]) -> None:
    plane = data.camera()[None, 100:220, 150:300]
    labels, one = described(plane, k=60)
    _, three = described(np.repeat(plane, 3, axis=0), k=60)
    pairs = neighbours(labels)
    alone, repeated = (group(regions, pairs, labels.size, terms) for regions in (one, three))
    np.testing.assert_array_equal(alone, repeated)
    assert len(alone) > 20


def test_grouping_leaves_its_input_as_it_was() -> None:
    labels, regions = described(data.camera()[None, :80, :90], k=60)
    before = [part.copy() for part in regions]
    group(regions, neighbours(labels), labels.size, SIMILARITIES)
    for part, kept in zip(regions, before, strict=True):
        np.testing.assert_array_equal(part, kept)


def test_of_equal_pairs_the_first_is_joined() -> None:
    labels = np.arange(4, dtype=np.int32).repeat(3)[None, :]  # four regions of one size
    planes = np.zeros((1, *labels.shape), np.uint8)
    (regions,) = describe_regions([labels], planes, texture_levels(planes, 1.0))
    boxes = group(regions, neighbours(labels), labels.size, ("size",))
    assert boxes.tolist() == [[0, 0, 6, 1], [6, 0, 12, 1], [0, 0, 12, 1]]


def test_one_region_joins_nothing() -> None:
    labels, regions = described(np.zeros((3, 8, 9), np.uint8), k=10)
    assert group(regions, neighbours(labels), labels.size, SIMILARITIES).shape == (0, 4)


def test_the_last_union_is_the_whole_image() -> None:
    planes = np.ascontiguousarray(data.coffee()[:120, :150].transpose(2, 0, 1))
    labels, regions = described(planes, k=50)
    boxes = group(regions, neighbours(labels), labels.size, SIMILARITIES)
    assert len(boxes) == len(regions.sizes) - 1
    assert boxes[-1].tolist() == [0, 0, 150, 120]
