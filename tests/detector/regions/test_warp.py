"""Warping against two oracles: the original's rules pixel by pixel, and OpenCV's resize.

OpenCV 5.0 on x86 gave the same bytes everywhere below, and in 380 million values of random
images, boxes, sizes and paddings. One grey level of difference is allowed, because its other
builds and versions may round in another way.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from detector.regions.warp import warp_regions
from detector.regions.warp_config import WarpConfig

Box = tuple[float, float, float, float]

SMALL = WarpConfig(size=28, context_padding=2)


def slow_round(value: float) -> int:
    return int(value - 0.5) if value < 0 else int(value + 0.5)


def slow_warp(image: NDArray[np.uint8], box: Box, config: WarpConfig) -> NDArray[np.float64]:
    """Warp one region pixel by pixel, from the rules of the original."""
    side, padding = config.size, config.context_padding
    x1, y1, x2, y2 = box[0], box[1], box[2] - 1, box[3] - 1  # to inclusive edges
    half_width, half_height = (x2 - x1 + 1) / 2, (y2 - y1 + 1) / 2
    centre_x, centre_y = x1 + half_width, y1 + half_height
    scale = side / (side - 2 * padding)
    left = slow_round(centre_x - half_width * scale)
    top = slow_round(centre_y - half_height * scale)
    right = slow_round(centre_x + half_width * scale)  # inclusive
    bottom = slow_round(centre_y + half_height * scale)  # inclusive
    out = np.empty((side, side, 3))
    out[:] = config.outside_rgb
    first_x, offset_x, share_x, count_x = slow_share(left, right, image.shape[1], side)
    first_y, offset_y, share_y, count_y = slow_share(top, bottom, image.shape[0], side)
    clipped = image[first_y : first_y + count_y, first_x : first_x + count_x].astype(float)
    for row in range(share_y):
        for column in range(share_x):
            source_y = (row + 0.5) * count_y / share_y - 0.5
            source_x = (column + 0.5) * count_x / share_x - 0.5
            out[offset_y + row, offset_x + column] = slow_bilinear(clipped, source_y, source_x)
    return out


def slow_share(first: int, last: int, length: int, side: int) -> tuple[int, int, int, int]:
    scale = side / (last - first + 1)
    offset = slow_round(max(0, -first) * scale)
    first_inside, last_inside = max(first, 0), min(last, length - 1)
    count = last_inside - first_inside + 1
    share = slow_round(count * scale)
    if offset + share > side:
        share = side - offset
    return first_inside, offset, share, count


def slow_bilinear(image: NDArray[np.float64], y: float, x: float) -> NDArray[np.float64]:
    y = min(max(y, 0.0), image.shape[0] - 1.0)
    x = min(max(x, 0.0), image.shape[1] - 1.0)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, image.shape[0] - 1), min(x0 + 1, image.shape[1] - 1)
    upper = image[y0, x0] * (1 - (x - x0)) + image[y0, x1] * (x - x0)
    lower = image[y1, x0] * (1 - (x - x0)) + image[y1, x1] * (x - x0)
    return np.asarray(upper * (1 - (y - y0)) + lower * (y - y0))


def opencv_warp(
    image: NDArray[np.uint8], regions: NDArray[np.float32], config: WarpConfig
) -> NDArray[np.uint8]:
    """Warp one region after the other, with placing in scalars and OpenCV's resize."""
    windows = np.empty((len(regions), config.size, config.size, 3), np.uint8)
    windows[:] = config.outside_rgb
    for window, (x1, y1, x2, y2) in zip(windows, regions.tolist(), strict=True):
        source_x, target_x = opencv_span(x1, x2, image.shape[1], config)
        source_y, target_y = opencv_span(y1, y2, image.shape[0], config)
        extent = (target_x.stop - target_x.start, target_y.stop - target_y.start)
        window[target_y, target_x] = cv2.resize(
            image[source_y, source_x], extent, interpolation=cv2.INTER_LINEAR
        )
    return windows


def opencv_span(low: float, high: float, length: int, config: WarpConfig) -> tuple[slice, slice]:
    if config.context_padding == 0:
        first = round_half_away(low)
        last = max(round_half_away(high) - 1, first)
    else:
        half = (high - low) / 2
        grown = half * (config.size / (config.size - 2 * config.context_padding))
        first, last = round_half_away(low + half - grown), round_half_away(low + half + grown)
    first_inside = min(max(first, 0), length - 1)
    last_inside = max(min(last, length - 1), first_inside)
    scale = config.size / (last - first + 1)
    offset = min(round_half_away(max(0, -first) * scale), config.size - 1)
    share = max(1, round_half_away((last_inside - first_inside + 1) * scale))
    return slice(first_inside, last_inside + 1), slice(offset, min(offset + share, config.size))


def round_half_away(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def assert_equals_opencv(
    image: NDArray[np.uint8], regions: NDArray[np.float32], config: WarpConfig
) -> None:
    windows = warp_regions(image, regions, config)
    np.testing.assert_allclose(windows, opencv_warp(image, regions, config).astype(int), atol=1)


def boxes(*rows: Box) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_no_boxes_give_no_windows() -> None:
    windows = warp_regions(data.astronaut(), boxes(), WarpConfig())
    assert windows.shape == (0, 224, 224, 3)
    assert windows.dtype == np.uint8


@pytest.mark.parametrize(
    "box",
    [
        (5, 5, 5, 9),
        (5, 9, 8, 9),
        (-9, 0, 0, 9),
        (0, -9, 9, 0),
        (40, 0, 50, 9),
        (0, 30, 9, 40),
    ],
)
def test_a_box_without_pixels_of_the_image_is_refused_by_its_index(
    box: Box,
) -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="box 1 must have an area inside the 40x30 image"):
        warp_regions(image, boxes((0, 0, 9, 9), box), SMALL)


@pytest.mark.parametrize(
    "image", [np.zeros((30, 40), np.uint8), np.zeros((30, 40, 3)), np.zeros((3, 30, 40), np.uint8)]
)
def test_an_image_that_is_not_rgb_bytes_is_refused(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"image must be \(H, W, 3\) uint8 but got"):
        warp_regions(image, boxes((0, 0, 9, 9)), SMALL)


@pytest.mark.parametrize(
    "box",
    [
        (100, 120, 260, 300),  # inside
        (0, 0, 512, 512),  # the whole image: context on all four sides is outside
        (-30, -70, 90, 60),  # over the upper left corner
        (430, 350, 530, 640),  # over the lower right corner
        (200.5, 10.25, 203.75, 400.5),  # thin, with fractions
        (10, 10, 11, 11),  # one pixel
    ],
)
def test_warped_photograph_equals_the_pixel_by_pixel_rules(
    box: Box,
) -> None:
    image, config = data.astronaut(), WarpConfig(size=56, context_padding=4)
    fast = warp_regions(image, boxes(box), config)[0]
    # Bytes are blended in fixed point: one grey level of rounding.
    np.testing.assert_allclose(fast, slow_warp(image, box, config), atol=1)


@settings(deadline=None, max_examples=60)
@given(
    x1=st.integers(-20, 35),
    y1=st.integers(-20, 25),
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    seed=st.integers(0, 9),
)
def test_any_box_that_meets_the_image_equals_the_pixel_by_pixel_rules(
    x1: int, y1: int, width: int, height: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
    box = (x1, y1, max(x1 + width, 2), max(y1 + height, 2))
    fast = warp_regions(image, boxes(box), SMALL)[0]
    np.testing.assert_allclose(fast, slow_warp(image, box, SMALL), atol=1)


@settings(max_examples=200)
@given(
    corner=st.tuples(st.floats(-20, 35, width=32), st.floats(-20, 25, width=32)),
    extent=st.tuples(st.floats(0.125, 90, width=32), st.floats(0.125, 90, width=32)),
    size=st.integers(1, 60),
    padding=st.floats(0, 0.49),
    seed=st.integers(0, 9),
)
def test_any_box_size_and_padding_equals_opencv(
    corner: tuple[float, float], extent: tuple[float, float], size: int, padding: float, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
    x1, y1 = corner
    box = (x1, y1, max(x1 + extent[0], 0.5), max(y1 + extent[1], 0.5))
    assert_equals_opencv(image, boxes(box), WarpConfig(size, int(padding * size)))


@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    size=st.integers(1, 20),
    seed=st.integers(0, 9),
)
def test_images_of_few_pixels_equal_opencv(shape: tuple[int, int], size: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
    height, width = shape
    regions = boxes((0, 0, width, height), (-1, -2, 1, 1), (0.25, 0.25, 0.5, 0.5))
    assert_equals_opencv(image, regions, WarpConfig(size, 0))
    assert_equals_opencv(image, regions, WarpConfig(size, (size - 1) // 3))


@pytest.mark.parametrize("picture", [data.astronaut, data.chelsea, data.coffee])
@pytest.mark.parametrize("config", [WarpConfig(), WarpConfig(64, 0), WarpConfig(224, 90)])
def test_many_boxes_of_a_photograph_equal_opencv(
    picture: Callable[[], NDArray[np.uint8]], config: WarpConfig
) -> None:
    image = picture()
    height, width, _ = image.shape
    corners = np.random.default_rng(0).uniform(-0.2, 1.2, (60, 2, 2)) * (width, height)
    regions = np.concatenate([corners.min(1), corners.max(1)], axis=1).astype(np.float32)
    regions[::2] = regions[::2].round()
    regions[:, :2] = np.minimum(regions[:, :2], (width - 1, height - 1))
    regions[:, 2:] = np.maximum(regions[:, 2:], np.maximum(regions[:, :2] + 1, 1))
    assert_equals_opencv(image, regions, config)


@pytest.mark.parametrize("grey", [0, 1, 127, 254, 255])
def test_constant_images_stay_as_they_are(grey: int) -> None:
    image = np.full((37, 53, 3), grey, np.uint8)
    config = WarpConfig(56, 4, outside_rgb=(grey, grey, grey))
    regions = boxes((3, 4, 30, 9), (-9, -9, 60, 50), (10.5, 2.25, 11, 3), (50, 30, 70, 90))
    assert (warp_regions(image, regions, config) == grey).all()


def test_an_image_need_not_lie_in_one_piece_nor_be_writable() -> None:
    image, regions = data.chelsea(), boxes((30, 40, 162, 172))
    mirrored = image[:, ::-1]
    expected = warp_regions(mirrored.copy(), regions, SMALL)
    mirrored.flags.writeable = False
    np.testing.assert_array_equal(warp_regions(mirrored, regions, SMALL), expected)


def test_right_edge_of_the_grown_box_is_inclusive_as_in_the_original() -> None:
    # S = 8, p = 2: scale 2. The box (10, 10, 14, 14) grows to edges 8 and 16, and the window
    # covers the pixels 8..16, nine of them and not eight.
    image = np.zeros((30, 30, 3), np.uint8)
    image[:, 16] = 255
    window = warp_regions(image, boxes((10, 10, 14, 14)), WarpConfig(8, 2))[0]
    assert (window[:, -1] > 200).all()


@pytest.mark.parametrize("x1", [0.5, -0.5, 1.5, 2.5, -2.5])
def test_halves_round_away_from_zero(x1: float) -> None:
    # S = 4, p = 1 doubles the box: one from x1 + 1 to x1 + 3 grows to edges x1 and x1 + 4.
    image = np.arange(0, 240, 6, np.uint8)[None, :, None].repeat(9, 0).repeat(3, 2)
    box, config = (x1 + 1, 2, x1 + 3, 4), WarpConfig(4, 1)
    window = warp_regions(image, boxes(box), config)[0]
    np.testing.assert_allclose(window, slow_warp(image, box, config), atol=1)


def test_no_context_leaves_a_whole_pixel_box_as_it_is() -> None:
    image = data.chelsea()
    window = warp_regions(image, boxes((30, 40, 62, 72)), WarpConfig(32, 0))[0]
    np.testing.assert_array_equal(window, image[40:72, 30:62])


def test_outside_of_the_image_is_the_configured_colour() -> None:
    image = np.full((20, 20, 3), 255, np.uint8)
    config = WarpConfig(28, 2, outside_rgb=(1, 2, 3))
    window = warp_regions(image, boxes((-20, 0, 20, 20)), config)[0]
    assert (window[14, 2] == (1, 2, 3)).all()
    assert (window[14, -5] == 255).all()


@pytest.mark.parametrize(
    "box",
    [
        (-1e6, -1e6, 0.2, 0.2),
        (19.9, 19.9, 1e6, 1e6),
        (19.8, 0, 19.9, 5),
        (-1e6, 0, 1e6, 20),
        (0.3, 0.3, 0.4, 0.4),
    ],
)
def test_a_sliver_of_image_keeps_at_least_one_pixel(
    box: Box,
) -> None:
    image = np.full((20, 20, 3), 255, np.uint8)
    config = WarpConfig(28, 2, outside_rgb=(0, 0, 0))
    assert (warp_regions(image, boxes(box), config)[0] == 255).any()
    assert (warp_regions(image, boxes(box), WarpConfig(28, 0, (0, 0, 0)))[0] == 255).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size must be a whole number of at least 1"),
        ({"context_padding": -1}, "context_padding must be a whole number from 0"),
        ({"context_padding": 1.5}, "context_padding must be a whole number"),
        ({"size": 20, "context_padding": 10}, "under half of size 20"),
        ({"outside_rgb": (0, 0, 256)}, "three values of 0-255"),
    ],
)
def test_impossible_configuration_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WarpConfig(**arguments)  # type: ignore[arg-type]
