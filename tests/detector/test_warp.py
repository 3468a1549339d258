from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from detector.warp import WarpConfig, warp_regions

SMALL = WarpConfig(size=28, context_padding=2)


def slow_round(value: float) -> int:
    return int(value - 0.5) if value < 0 else int(value + 0.5)


def slow_warp(
    image: NDArray[np.uint8], box: tuple[float, float, float, float], config: WarpConfig
) -> NDArray[np.float64]:
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


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
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
    box: tuple[float, float, float, float],
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
    box: tuple[float, float, float, float],
) -> None:
    image, config = data.astronaut(), WarpConfig(size=56, context_padding=4)
    fast = warp_regions(image, boxes(box), config)[0]
    # cv2 interpolates bytes in fixed point: one grey level of rounding.
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
    box: tuple[float, float, float, float],
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
