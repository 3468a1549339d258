"""Selective Search once more, written to be read: no speed, nothing of the fast code but colours.

From the papers: Uijlings et al. 2013 (SS), Felzenszwalb & Huttenlocher 2004 (FH), and what
`docs/choices.md` says where they are silent. All is in double precision, but for similarities:
those are whole numbers of 2**-30, rounded down at each step, since their ties decide. So pictures
of few levels and sharp steps may come out otherwise than in the fast code's single precision:
there edges, or responses and the bounds of their bins, are equal but for rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from proposals import SelectiveSearchConfig
from proposals.selective_search.colour import convert

ONE = 2**30
FLAT = 1e-3  # the largest slope of a channel that is rounding only
Box = tuple[int, int, int, int]  # x1, y1, x2, y2; right and bottom exclusive
Pair = tuple[int, int]
Edge = tuple[float, int, int]  # weight, and the pixels at its ends, counted along rows


class Region(NamedTuple):
    size: int  # pixels
    box: Box
    colour: NDArray[np.int64]  # (3 * 25,) shares in units of 1 / ONE
    texture: NDArray[np.int64]  # (3 * 8 * 10,)


class Listed(NamedTuple):
    """What the ranking orders: a box of some hierarchy."""

    box: Box
    priority: int


def search(
    image: NDArray[np.uint8], config: SelectiveSearchConfig, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return boxes (N, 4) and scores of an image (H, W, 3) that is searched at its own size."""
    assert config.working_width is None
    listed: list[Listed] = []
    for space in config.colour_spaces:
        planes = convert(image, space)
        planes = np.repeat(planes, 3, axis=0) if len(planes) == 1 else planes
        texture = texture_bins(planes, config.texture_sigma)
        edges = edges_by_weight(planes, config.sigma)
        for k in config.ks:
            labels = segment(edges, image.shape[:2], k, min_size=k)
            regions = describe(labels, planes, texture)
            pairs = touching(labels)
            for terms in config.similarities:
                new = terms is config.similarities[0]
                initial = [region.box for region in regions] if new else []
                listed += hierarchy(initial, group(regions, pairs, labels.size, terms))
    return rank(listed, config.min_side, seed)


# ---- ranking (SS, section 4.2, and the published code)


def hierarchy(initial: Iterable[Box], joined: Sequence[Box]) -> list[Listed]:
    """Of m joins the last has priority 1, the first m, and the regions before them m + 1."""
    count = len(joined)
    first = [Listed(box, count + 1) for box in initial]
    return first + [Listed(box, count - step) for step, box in enumerate(joined)]


def rank(
    listed: Sequence[Listed], min_side: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Order boxes by priority times a random number; drop small ones and duplicates."""
    numbers = np.random.RandomState(seed).random_sample(len(listed))
    keys = [one.priority * number for one, number in zip(listed, numbers, strict=True)]
    taken: dict[Box, float] = {}
    for index in sorted(range(len(listed)), key=keys.__getitem__):
        x1, y1, x2, y2 = box = listed[index].box
        if min(x2 - x1, y2 - y1) >= min_side and box not in taken:
            taken[box] = -keys[index]
    boxes = np.array(list(taken), np.float32).reshape(-1, 4)
    return boxes, np.array(list(taken.values()), np.float32)


# ---- segmentation (FH)


def edges_by_weight(planes: NDArray[np.uint8], sigma: float) -> list[Edge]:
    """Return each pair of the eight neighbours once, by the distance of their colours.

    Equal ones come pixel by pixel: to the right, below, below right, above right.
    """
    height, width = planes.shape[1:]
    colours = smooth(planes, sigma).transpose(1, 2, 0).tolist()
    edges = []
    for y in range(height):
        for x in range(width):
            for to_y, to_x in ((y, x + 1), (y + 1, x), (y + 1, x + 1), (y - 1, x + 1)):
                if 0 <= to_y < height and to_x < width:
                    weight = math.dist(colours[y][x], colours[to_y][to_x])
                    edges.append((weight, y * width + x, to_y * width + to_x))
    return sorted(edges, key=lambda edge: edge[0])  # stable


def segment(
    edges: Sequence[Edge], shape: tuple[int, ...], k: float, min_size: int
) -> NDArray[np.int64]:
    """Label the pixels by regions of FH, which are numbered by first appearance."""
    sets = Sets(math.prod(shape))
    inner = [0.0] * math.prod(shape)  # of each set, by its root
    for weight, one, other in edges:
        a, b = sets.root(one), sets.root(other)
        bound = min(inner[a] + k / sets.sizes[a], inner[b] + k / sets.sizes[b])
        if a != b and weight <= bound:
            inner[sets.unite(a, b)] = weight
    for _, one, other in edges:
        a, b = sets.root(one), sets.root(other)
        if a != b and min(sets.sizes[a], sets.sizes[b]) < min_size:
            sets.unite(a, b)
    names: dict[int, int] = {}
    labels = [names.setdefault(sets.root(pixel), len(names)) for pixel in range(math.prod(shape))]
    return np.array(labels).reshape(shape)


class Sets:
    """Sets of nodes that are united, by the smallest node of each."""

    def __init__(self, count: int) -> None:
        self.parents, self.sizes = list(range(count)), [1] * count

    def root(self, node: int) -> int:
        while self.parents[node] != node:
            self.parents[node] = self.parents[self.parents[node]]  # keeps trees flat
            node = self.parents[node]
        return node

    def unite(self, a: int, b: int) -> int:
        a, b = min(a, b), max(a, b)
        self.parents[b] = a
        self.sizes[a] += self.sizes[b]
        return a


# ---- filters: pixels beyond the border are those on it, the reach is ceil(4 sigma)


def taps(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances that a filter reaches, and the Gaussian there, of sum 1."""
    reach = math.ceil(4 * sigma)
    distances = np.arange(-reach, reach + 1, dtype=float)
    bell = np.exp(-0.5 * (distances / sigma) ** 2)
    return distances, bell / bell.sum()


def along(planes: NDArray[Any], axis: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate every line along an axis with weights."""
    length, reach = planes.shape[axis], len(weights) // 2
    total = np.zeros(planes.shape)
    for step, weight in enumerate(weights, start=-reach):
        places = np.clip(np.arange(length) + step, 0, length - 1)
        total += weight * planes.take(places, axis)
    return total


def smooth(planes: NDArray[np.uint8], sigma: float) -> NDArray[np.float64]:
    _, bell = taps(sigma)
    return along(along(planes, -1, bell), -2, bell)


def derivatives(
    planes: NDArray[np.uint8], sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the slopes along x and y of smoothed planes; 1 of a ramp of slope 1."""
    distances, bell = taps(sigma)
    slope = distances * bell / (distances * distances * bell).sum()
    return along(along(planes, -1, slope), -2, bell), along(along(planes, -1, bell), -2, slope)


# ---- descriptions of regions (SS, section 3.2)


def texture_bins(planes: NDArray[np.uint8], sigma: float) -> NDArray[np.int64]:
    """Return the bin of each channel, of eight directions, of each pixel: (3, 8, H, W)."""
    slope_x, slope_y = derivatives(planes, sigma)
    angles = np.arange(8) * np.pi / 4
    bins = np.zeros((len(planes), 8, *planes.shape[1:]), np.int64)
    for channel in range(len(planes)):
        responses = np.array(
            [slope_x[channel] * np.cos(a) + slope_y[channel] * np.sin(a) for a in angles]
        )
        largest = responses.max()
        if largest > FLAT:
            bins[channel] = np.clip(np.floor(10 * responses / largest), 0, 9)
    return bins


def describe(
    labels: NDArray[np.int64], planes: NDArray[np.uint8], texture: NDArray[np.int64]
) -> list[Region]:
    """Describe the regions by their pixels."""
    regions = []
    for label in range(labels.max() + 1):
        ys, xs = np.nonzero(labels == label)
        box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
        colours = planes[:, ys, xs].astype(int) * 25 // 256  # 25 bins of 0-255
        textures = texture[:, :, ys, xs].reshape(24, -1)
        regions.append(Region(len(ys), box, shares(colours, 25), shares(textures, 10)))
    return regions


def shares(bins: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the histograms of some rows behind each other; together they make about `ONE`."""
    counts = np.concatenate([np.bincount(row, minlength=count) for row in bins])
    return np.floor(counts * (ONE / bins.size)).astype(np.int64)


def touching(labels: NDArray[np.int64]) -> list[Pair]:
    """Return the regions with a side of a pixel in common, the smaller first, in order."""
    sides = [
        *zip(labels[:, :-1].ravel(), labels[:, 1:].ravel(), strict=True),
        *zip(labels[:-1].ravel(), labels[1:].ravel(), strict=True),
    ]
    return sorted({(int(min(side)), int(max(side))) for side in sides if side[0] != side[1]})


# ---- grouping (SS, algorithm 1)


def group(
    initial: Sequence[Region], pairs: Sequence[Pair], area: int, terms: Sequence[str]
) -> list[Box]:
    """Join the most similar pair until none is left; return the boxes of the unions.

    Every similarity is computed anew before each join. Pairs are kept by age, and of equal
    ones the oldest is joined; a pair's first region is the later one, or the smaller of two
    of the beginning.
    """
    regions, pairs, boxes = dict(enumerate(initial)), list(pairs), []
    while pairs:
        a, b = max(pairs, key=lambda pair: similarity(*map(regions.__getitem__, pair), area, terms))
        union = len(initial) + len(boxes)
        around = dict.fromkeys([*neighbours_in_order(a, pairs), *neighbours_in_order(b, pairs)])
        regions[union] = unite(regions[a], regions[b])
        boxes.append(regions[union].box)
        pairs = [pair for pair in pairs if not {a, b} & set(pair)]
        pairs += [(union, other) for other in around if other not in (a, b)]
    return boxes


def neighbours_in_order(region: int, pairs: Sequence[Pair]) -> list[int]:
    """Return what a region touches: from its own pairs, then from those of others, newest first.

    A choice like any other; it settles which of two equal pairs of one union is the older.
    """
    own = [b for a, b in pairs if a == region]
    return own + [a for a, b in reversed(pairs) if b == region]


def unite(a: Region, b: Region) -> Region:
    """Describe a union: histograms are means weighted by size."""
    share = a.size / (a.size + b.size)
    colour, texture = (
        np.floor(share * one + (1 - share) * other).astype(np.int64)
        for one, other in ((a.colour, b.colour), (a.texture, b.texture))
    )
    return Region(a.size + b.size, around_both(a.box, b.box), colour, texture)


def around_both(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def similarity(a: Region, b: Region, area: int, terms: Sequence[str]) -> int:
    """Return the sum of terms, each from 0 to `ONE`; their mean orders pairs in the same way."""
    x1, y1, x2, y2 = around_both(a.box, b.box)
    together, total = a.size + b.size, 0
    if "colour" in terms:
        total += int(np.minimum(a.colour, b.colour).sum())
    if "texture" in terms:
        total += int(np.minimum(a.texture, b.texture).sum())
    if "size" in terms:
        total += math.floor(ONE / area * (area - together))
    if "fill" in terms:
        total += math.floor(ONE / area * (area - ((x2 - x1) * (y2 - y1) - together)))
    return total
