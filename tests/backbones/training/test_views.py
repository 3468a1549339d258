from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from backbones.training.colours import ColourConfig
from backbones.training.views import CropBox, ViewConfig, draw_crop, draw_view

PLAIN = ColourConfig(enhancement=0, lighting=0)
WHOLE = ViewConfig(least_area=1, least_aspect=1, most_aspect=1, colours=PLAIN)


def crops(height: int, width: int, count: int = 2000) -> list[CropBox]:
    generator = np.random.default_rng(0)
    return [draw_crop(height, width, generator, ViewConfig()) for _ in range(count)]


def views(
    image: NDArray[np.uint8], config: ViewConfig, count: int, size: int = 24
) -> NDArray[np.uint8]:
    """Draw views, each with a seed of its own."""
    generators = (np.random.default_rng(seed) for seed in range(count))
    return np.stack([draw_view(image, generator, config, size) for generator in generators])


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 5000), (5000, 1), (2, 3), (300, 451), (1000, 100)]
)
def test_views_of_a_flat_picture_are_flat_whatever_its_shape(height: int, width: int) -> None:
    flat = np.full((height, width, 3), (9, 100, 250), np.uint8)
    found = views(flat, ViewConfig(colours=PLAIN), 20)
    assert found.dtype == np.uint8
    assert (found == (9, 100, 250)).all()


@given(height=st.integers(1, 3000), width=st.integers(1, 3000), seed=st.integers(0, 99))
def test_crops_lie_in_the_picture_with_a_permitted_aspect(
    height: int, width: int, seed: int
) -> None:
    box = draw_crop(height, width, np.random.default_rng(seed), ViewConfig())
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    aspect = (box.right - box.left) / (box.bottom - box.top)
    assert 0.7499 < aspect < 1.3334


def test_areas_and_aspects_of_crops_fill_their_ranges() -> None:
    boxes = np.array(crops(400, 400, 10_000))
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    areas = widths * heights / 400**2
    assert 0.0799 < areas.min() < 0.09
    assert 0.97 < areas.max() <= 1
    # Evenly, as far as crops fit: up to 3/4 of a square all aspects do.
    quarters = np.histogram(areas[areas < 0.75], np.linspace(0.08, 0.75, 5))[0]
    assert quarters.min() > 0.85 * quarters.max()
    aspects = widths / heights
    assert aspects.min() < 0.77
    assert aspects.max() > 1.3
    assert abs(np.log(aspects).mean()) < 0.02  # wide and tall ones are as likely


def test_crops_lie_everywhere() -> None:
    small = ViewConfig(least_area=0.08, most_area=0.08)
    generator = np.random.default_rng(0)
    boxes = np.array([draw_crop(100, 200, generator, small) for _ in range(500)])
    assert boxes[:, 0].min() < 5
    assert boxes[:, 1].min() < 3
    assert boxes[:, 2].max() > 195
    assert boxes[:, 3].max() > 97


def test_of_a_picture_too_long_the_largest_fitting_crop_is_taken_at_any_place() -> None:
    boxes = np.array(crops(10, 1000, 50))
    np.testing.assert_allclose(boxes[:, 2] - boxes[:, 0], 10 * 4 / 3)
    np.testing.assert_allclose(boxes[:, 3] - boxes[:, 1], 10)
    assert np.ptp(boxes[:, 0]) > 500


def test_half_of_the_views_are_mirrored() -> None:
    image = data.astronaut()
    whole = views(image, WHOLE, 200)
    left_is_brighter = whole[:, :, :12].mean(axis=(1, 2, 3)) > whole[:, :, 12:].mean(axis=(1, 2, 3))
    assert 0.35 < left_is_brighter.mean() < 0.65


def test_four_ways_of_resizing_are_equally_likely() -> None:
    image = data.astronaut()
    found = views(image, WHOLE, 200)
    expected = {}
    for method in ("BILINEAR", "BOX", "NEAREST", "BICUBIC"):
        resized = np.array(Image.fromarray(image).resize((24, 24), Image.Resampling[method]))
        expected[resized.tobytes()] = expected[resized[:, ::-1].tobytes()] = method
    counts = Counter(expected[view.tobytes()] for view in found)
    assert len(counts) == 4
    assert min(counts.values()) > 30


def test_a_seed_decides_a_view_and_another_seed_another() -> None:
    first = views(data.chelsea(), ViewConfig(), 5)
    assert np.array_equal(first, views(data.chelsea(), ViewConfig(), 5))
    assert len({view.tobytes() for view in first}) == 5


def test_the_picture_is_left_as_it_is() -> None:
    image = data.chelsea()
    before = image.copy()
    draw_view(image, np.random.default_rng(0))
    assert np.array_equal(image, before)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"least_area": 0}, "got 0 and 1.0"),
        ({"least_area": 0.6, "most_area": 0.5}, "got 0.6 and 0.5"),
        ({"most_area": 1.1}, "got 0.08 and 1.1"),
        ({"least_area": float("nan")}, "got nan and"),
        ({"least_aspect": 0}, "aspects must be"),
        ({"least_aspect": 2}, "aspects must be"),
        ({"most_aspect": float("inf")}, "aspects must be"),
    ],
)
def test_impossible_ranges_are_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ViewConfig(**fields)
