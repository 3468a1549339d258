"""The whole search against one that is written to be read."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from proposals import MODES, SelectiveSearch, SelectiveSearchConfig


def grey_as_rgb(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(plane[:, :, None], 3, axis=2)


def flats() -> NDArray[np.uint8]:
    """Return four plain blocks of different sizes, two of them much alike."""
    colours = np.array([[[10, 200, 30], [12, 190, 30]], [[250, 0, 0], [0, 0, 0]]], np.uint8)
    return colours.repeat([15, 17], axis=0).repeat([12, 13], axis=1)


def noise(shape: tuple[int, int], low: int, high: int) -> NDArray[np.uint8]:
    return np.random.RandomState(0).randint(low, high, (*shape, 3)).astype(np.uint8)


# Small enough for the slow search, and rich enough for ties of sizes and boxes.
PICTURES = {
    "face": data.astronaut()[60:105, 200:245],
    "whiskers": data.chelsea()[90:130, 150:205],
    "strip": data.coffee()[140:156, 100:250],
    "tall": data.rocket()[100:200, 310:330],
    "grey": grey_as_rgb(data.camera()[100:140, 200:250]),
    "text": grey_as_rgb(data.text()[20:60, 100:140]),
    "noise": noise((40, 40), 0, 256),
    "faint noise": noise((30, 40), 100, 112),
    "one level": np.full((20, 30, 3), 90, np.uint8),
    "flats": flats(),
    "1xN": data.astronaut()[200:201, :400],
    "Nx1": data.astronaut()[:400, 200:201],
    "1x1": np.zeros((1, 1, 3), np.uint8),
}
RICH = {"face", "whiskers", "strip", "tall", "grey", "noise"}


def assert_same(image: NDArray[np.uint8], config: SelectiveSearchConfig, slow: Any) -> int:
    boxes, scores = slow.search(image, config, seed=5)
    found = SelectiveSearch(config, seed=5)(image)
    np.testing.assert_array_equal(found.boxes_xyxy, boxes)
    np.testing.assert_array_equal(found.scores, scores)
    return len(boxes)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PICTURES)
def test_every_mode_finds_what_a_slow_search_finds(
    name: str, mode: str, slow_search: ModuleType
) -> None:
    image = np.ascontiguousarray(PICTURES[name])
    config = replace(MODES[mode], working_width=None, min_side=min(*image.shape[:2], 5))
    assert assert_same(image, config, slow_search) > (
        40 if mode == "quality" and name in RICH else 0
    )


def test_more_rows_than_fit_a_strip_of_the_graph(slow_search: ModuleType) -> None:
    image = np.ascontiguousarray(data.coffee()[100:300, 290:320])
    config = replace(MODES["fast"], working_width=None, min_side=5)
    assert assert_same(image, config, slow_search) > 50


@pytest.mark.parametrize(
    "settings",
    [
        {"sigma": 1.5},  # reaches six pixels, 0.8 four
        {"sigma": 0.5, "texture_sigma": 1.7},  # two, and seven
        {"colour_spaces": ("rgb", "nrgb")},
        {"ks": (7, 30)},
    ],
    ids=str,
)
def test_other_settings_find_what_a_slow_search_finds(
    settings: dict[str, Any], slow_search: ModuleType
) -> None:
    image = np.ascontiguousarray(PICTURES["whiskers"])
    config = replace(MODES["fast"], ks=(10, 25), working_width=None, min_side=3)
    assert assert_same(image, replace(config, **settings), slow_search) > 15
