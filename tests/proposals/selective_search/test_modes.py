"""The numbers of the method: R-CNN's call, the paper's strategies, GoogLeNet's doubled size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from proposals import MODES, SelectiveSearch

CTSF, TSF = ("colour", "texture", "size", "fill"), ("texture", "size", "fill")
F, S = ("fill",), ("size",)
HSV_LAB = ("hsv", "lab")
ALL_COLOURS = ("hsv", "lab", "rgi", "h", "intensity")


@pytest.mark.parametrize(
    ("mode", "ks", "colours", "similarities", "strategies"),
    [
        ("single", (100,), ("hsv",), (CTSF,), 1),
        ("fast", (50, 100), HSV_LAB, (CTSF, TSF), 8),
        ("doubled", (100, 200), HSV_LAB, (CTSF, TSF), 8),
        ("quality", (50, 100, 150, 300), ALL_COLOURS, (CTSF, TSF, F, S), 80),
    ],
)
def test_modes_combine_what_was_published(
    mode: str,
    ks: tuple[int, ...],
    colours: tuple[str, ...],
    similarities: tuple[tuple[str, ...], ...],
    strategies: int,
) -> None:
    config = MODES[mode]
    assert (config.ks, config.colour_spaces, config.similarities) == (ks, colours, similarities)
    assert len(ks) * len(colours) * len(similarities) == strategies


def test_there_are_these_modes_and_doubled_is_the_default() -> None:
    assert set(MODES) == {"single", "fast", "doubled", "quality"}
    assert SelectiveSearch().config == MODES["doubled"]


@pytest.mark.parametrize("mode", MODES)
def test_modes_share_scales_width_and_least_side(mode: str) -> None:
    config = MODES[mode]
    assert (config.sigma, config.texture_sigma) == (0.8, 1.0)
    assert (config.working_width, config.min_side) == (500, 20)


def white_line(pixels: int) -> NDArray[np.uint8]:
    picture = np.zeros((5, pixels + 4, 3), np.uint8)
    picture[2, 2:-2] = 255
    return picture


@pytest.mark.parametrize("mode", MODES)
def test_the_smallest_region_is_as_many_pixels_as_k(mode: str) -> None:
    # Black and white are too far apart to be joined but for a size below the least one.
    for k in MODES[mode].ks:
        config = replace(MODES[mode], ks=(k,), sigma=0, working_width=None, min_side=0)
        search = SelectiveSearch(config)
        assert boxes_of(search(white_line(k - 1))) == {(0, 0, k + 3, 5)}
        assert boxes_of(search(white_line(k))) == {(0, 0, k + 4, 5), (2, 2, k + 2, 3)}


def boxes_of(found: Any) -> set[tuple[float, ...]]:
    return {tuple(box) for box in found.boxes_xyxy.tolist()}
