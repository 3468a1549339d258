"""What Selective Search knows of a region: size, box, colour and texture histograms.

Selective Search paper, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import Number, kernel, subroutine
from proposals.selective_search.texture import AXES, LEVELS, ORIENTATIONS, TEXTURE_BINS

COLOUR_BINS = 25  # a channel
ONE = 1 << 30
"""What stands for 1 in histograms and similarities: sums of whole numbers have no order."""

_LABEL_BITS = 32
_SLOTS = 1 << 12  # pairs of neighbours that are remembered; what they forget is listed again


class Regions(NamedTuple):
    """Descriptions of n regions of an image of C channels.

    C is 3, or 1 for three equal channels. Histograms of all three sum to `ONE`, but for
    rounding down: of a pixel each channel counts a third in ``colour``, and each channel and
    orientation a 24th in ``texture``.
    """

    sizes: NDArray[np.int32]  # (n,) pixels
    boxes: NDArray[np.int32]  # (n, 4) x1, y1, x2, y2; right and bottom exclusive
    colour: NDArray[np.int32]  # (n, C * 25)
    texture: NDArray[np.int32]  # (n, C * 80)


def describe_regions(
    segmentations: Sequence[NDArray[np.int32]],
    planes: NDArray[np.uint8],
    levels: NDArray[np.uint8],
) -> list[Regions]:
    """Describe every region of some segmentations of an image.

    Pixels are counted once for all segmentations, in cells: what lies in one region of each.

    Parameters
    ----------
    segmentations : sequence of ndarray, (H, W) int32
        Region of each pixel, 0 ... n - 1, none empty.
    planes : ndarray, (C, H, W) uint8
    levels : ndarray, (C, 4, H, W) uint8
        Of `texture.texture_levels`.

    Returns
    -------
    list of Regions
        Those of each segmentation.
    """
    cells, regions_of_cells = _cells(segmentations)
    count, channels = len(regions_of_cells[0]), len(planes)
    colour = np.zeros((count, channels, COLOUR_BINS), np.int32)
    signed = np.zeros((count, channels, AXES, LEVELS), np.int32)
    for channel in range(channels):
        _count(cells, planes[channel], levels[channel], channel, colour, signed)
    return [
        _describe(labels, _sums(colour, regions), _sums(signed, regions))
        for labels, regions in zip(segmentations, regions_of_cells, strict=True)
    ]


def _cells(
    segmentations: Sequence[NDArray[np.int32]],
) -> tuple[NDArray[np.int32], list[NDArray[np.int32]]]:
    """Return the cells ``(H, W)`` and, for each segmentation, the regions that they lie in."""
    cells, regions_of_cells = (
        segmentations[0],
        [np.arange(_count_of(segmentations[0]), dtype=np.int32)],
    )
    for labels in segmentations[1:]:
        parts = np.empty_like(cells)
        heads = np.full(int(regions_of_cells[0].size), -1, np.int32)
        wholes, regions, nexts = (np.empty(cells.size, np.int32) for _ in range(3))
        count = _intersect(cells, labels, heads, nexts, wholes, regions, parts)
        regions_of_cells = [of_cells[wholes[:count]] for of_cells in regions_of_cells]
        regions_of_cells.append(regions[:count].copy())
        cells = parts
    return cells, regions_of_cells


def _count_of(labels: NDArray[np.int32]) -> int:
    return int(labels.max()) + 1


@kernel
def _intersect(
    cells: NDArray[np.int32],
    labels: NDArray[np.int32],
    heads: NDArray[np.int32],
    nexts: NDArray[np.int32],
    wholes: NDArray[np.int32],
    regions: NDArray[np.int32],
    parts: NDArray[np.int32],
) -> int:
    """Divide cells by the regions of one more segmentation; return how many parts there are.

    The parts of each cell are a list, which ``heads``, -1 at first, and ``nexts`` hold.
    ``wholes`` and ``regions`` are filled with the cell and the region of each part.
    """
    height, width = cells.shape
    count = 0
    for y in range(height):
        part = -1
        for x in range(width):
            cell, region = cells[y, x], labels[y, x]
            if part < 0 or wholes[part] != cell or regions[part] != region:
                part = heads[cell]
                while part >= 0 and regions[part] != region:
                    part = nexts[part]
                if part < 0:
                    part = count
                    wholes[part], regions[part] = cell, region
                    nexts[part], heads[cell] = heads[cell], part
                    count += 1
            parts[y, x] = part
    return count


def _sums(counts: NDArray[np.int32], regions: NDArray[np.int32]) -> NDArray[np.int32]:
    """Add the counts ``(cells, ...)`` of the cells of each region, ``(n, ...)``."""
    sums = np.zeros((_count_of(regions), *counts.shape[1:]), np.int32)
    _add_rows(counts.reshape(regions.size, -1), regions, sums.reshape(len(sums), -1))
    return sums


@kernel
def _add_rows(
    counts: NDArray[np.int32], regions: NDArray[np.int32], sums: NDArray[np.int32]
) -> None:
    for cell in range(counts.shape[0]):
        region = regions[cell]
        for i in range(counts.shape[1]):
            sums[region, i] += counts[cell, i]


def _describe(
    labels: NDArray[np.int32], colour: NDArray[np.int32], signed: NDArray[np.int32]
) -> Regions:
    """Describe the regions of one segmentation, of whose pixels the counts are given."""
    sizes, boxes = np.zeros(len(colour), np.int32), np.zeros((len(colour), 4), np.int32)
    boxes[:, 0], boxes[:, 1] = labels.shape[1], labels.shape[0]
    _measure(labels, sizes, boxes)
    count, channels = colour.shape[:2]
    regions = Regions(
        sizes,
        boxes,
        np.empty((count, channels * COLOUR_BINS), np.int32),
        np.empty((count, channels * ORIENTATIONS * TEXTURE_BINS), np.int32),
    )
    _colour_shares(colour, sizes, regions.colour)
    _texture_shares(signed, sizes, regions.texture)
    return regions


@kernel
def _measure(labels: NDArray[np.int32], sizes: NDArray[np.int32], boxes: NDArray[np.int32]) -> None:
    """Fill sizes, which are 0 at first, and boxes, whose left and top lie outside the image."""
    height, width = labels.shape
    for y in range(height):
        x = 0
        while x < width:
            start, region = x, labels[y, x]
            while x < width and labels[y, x] == region:
                x += 1
            sizes[region] += x - start
            boxes[region, 0] = min(boxes[region, 0], start)
            boxes[region, 1] = min(boxes[region, 1], y)
            boxes[region, 2] = max(boxes[region, 2], x)
            boxes[region, 3] = y + 1


@kernel
def _count(
    labels: NDArray[np.int32],
    plane: NDArray[np.uint8],
    levels: NDArray[np.uint8],
    channel: int,
    colour: NDArray[np.int32],
    signed: NDArray[np.int32],
) -> None:
    """Add one channel's pixels to its histograms in ``(n, C, 25)`` and ``(n, C, 4, 19)``."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            region = labels[y, x]
            colour[region, channel, np.int64(plane[y, x]) * COLOUR_BINS // 256] += 1
            signed[region, channel, 0, levels[0, y, x]] += 1
            signed[region, channel, 1, levels[1, y, x]] += 1
            signed[region, channel, 2, levels[2, y, x]] += 1
            signed[region, channel, 3, levels[3, y, x]] += 1


@kernel
def _colour_shares(
    counts: NDArray[np.int32], sizes: NDArray[np.int32], shares: NDArray[np.int32]
) -> None:
    """Turn counts ``(n, C, 25)`` into `Regions.colour`."""
    for region in range(sizes.size):
        scale = ONE / (3 * np.int64(sizes[region]))
        for channel in range(counts.shape[1]):
            for bin_ in range(COLOUR_BINS):
                share = counts[region, channel, bin_] * scale
                shares[region, channel * COLOUR_BINS + bin_] = np.int32(share)


@kernel
def _texture_shares(
    signed: NDArray[np.int32], sizes: NDArray[np.int32], shares: NDArray[np.int32]
) -> None:
    """Turn counts ``(n, C, 4, 19)`` of axes into `Regions.texture`, of directions.

    What lies in one direction is in bin 0 of the opposite one.
    """
    for region in range(sizes.size):
        scale = ONE / (3 * ORIENTATIONS * np.int64(sizes[region]))
        place = 0
        for channel in range(signed.shape[1]):
            for direction in range(ORIENTATIONS):
                counts = signed[region, channel, direction % AXES]
                way = 1 if direction < AXES else -1
                rest = sizes[region]
                for bin_ in range(1, TEXTURE_BINS):
                    count = counts[TEXTURE_BINS - 1 + way * bin_]
                    shares[region, place + bin_] = np.int32(count * scale)
                    rest -= count
                shares[region, place] = np.int32(rest * scale)
                place += TEXTURE_BINS


def neighbours(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the pairs ``(E, 2)`` of regions that touch, smaller label first, in order."""
    found = np.empty(2 * labels.size + 1, np.int64)  # what is not written takes no memory
    keys = np.unique(found[: _touching(labels, np.full(_SLOTS, -1, np.int64), found)])
    return np.stack([keys >> _LABEL_BITS, keys & ((1 << _LABEL_BITS) - 1)], axis=1).astype(np.int32)


@kernel
def _touching(labels: NDArray[np.int32], slots: NDArray[np.int64], found: NDArray[np.int64]) -> int:
    """List keys of regions side by side, most of them once; return how many there are.

    ``slots`` are -1 at first, and hold keys that were listed before.
    """
    height, width = labels.shape
    count = 0
    for y in range(height):
        for x in range(width):
            region = labels[y, x]
            if x + 1 < width and labels[y, x + 1] != region:
                count = _list_pair(region, labels[y, x + 1], slots, found, count)
            if y + 1 < height and labels[y + 1, x] != region:
                count = _list_pair(region, labels[y + 1, x], slots, found, count)
    return count


@subroutine
def _list_pair(
    a: Number, b: Number, slots: NDArray[np.int64], found: NDArray[np.int64], count: Number
) -> Number:
    key = np.int64(min(a, b)) << _LABEL_BITS | max(a, b)
    slot = ((key >> _LABEL_BITS) * 31 + key) & (slots.size - 1)
    found[count] = key
    count += slots[slot] != key
    slots[slot] = key
    return count
