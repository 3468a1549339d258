from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from backbones.training.colours import ColourConfig, distort_colours

NOTHING = ColourConfig(enhancement=0, lighting=0)


def distorted(image: NDArray[np.uint8], config: ColourConfig, seed: int = 0) -> NDArray[np.uint8]:
    return distort_colours(Image.fromarray(image), np.random.default_rng(seed), config)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 400, 3), (300, 1, 3), (30, 40, 3)])
def test_nothing_changes_where_nothing_is_asked(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(distorted(image, NOTHING), image)


def test_brightness_contrast_and_colour_change_by_up_to_half() -> None:
    image = data.chelsea()
    config = ColourConfig(lighting=0)
    means = [distorted(image, config, seed).mean() / image.mean() for seed in range(60)]
    assert 0.45 < min(means) < 0.65
    assert 1.25 < max(means) < 1.55
    spreads = [distorted(image, config, seed).std() / image.std() for seed in range(60)]
    assert min(spreads) < 0.5
    assert max(spreads) > 1.4


def test_grey_stays_grey_without_lighting() -> None:
    grey = np.repeat(data.camera()[::8, ::8, None], 3, axis=2)
    found = distorted(grey, ColourConfig(lighting=0)).astype(int)
    assert np.ptp(found, axis=2).max() == 0
    assert not np.array_equal(found, grey)


def test_lighting_moves_all_pixels_by_one_colour() -> None:
    image = np.random.default_rng(0).integers(90, 160, (20, 30, 3), dtype=np.uint8)
    moves = []
    for seed in range(300):
        difference = distorted(image, ColourConfig(0, 0.1), seed).astype(int) - image
        assert np.ptp(difference, axis=(0, 1)).max() == 0
        moves.append(difference[0, 0])
    # Mostly lighter or darker: red, green and blue together. 0.1 x 0.2175 x 255 x 0.58 is 3.2.
    assert np.corrcoef(np.array(moves).T).min() > 0.9
    np.testing.assert_allclose(np.std(moves, axis=0), 3.2, atol=0.4)


def test_colours_stay_within_bytes() -> None:
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    strong = ColourConfig(0, 10)
    found = np.stack([distorted(ends, strong, seed) for seed in range(20)])
    assert found.min() == 0
    assert found.max() == 255
    # Black is moved up or not at all, white down or not at all: nothing wraps around.
    assert (found[:, 0, 0].astype(int) <= found[:, 0, 1]).all()


def test_a_seed_decides_the_colours_and_another_seed_others() -> None:
    image = data.chelsea()[::10, ::10]
    found = {distorted(image, ColourConfig(), seed).tobytes() for seed in range(20)}
    assert len(found) == 20
    again = {distorted(image, ColourConfig(), seed).tobytes() for seed in range(20)}
    assert found == again


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"enhancement": -0.1}, "enhancement must be in"),
        ({"enhancement": 1.5}, "but got 1.5"),
        ({"lighting": -1}, "lighting must be"),
        ({"lighting": float("nan")}, "but got nan"),
    ],
)
def test_impossible_amounts_are_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ColourConfig(**fields)
