from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from proposals.selective_search.colour import COLOUR_SPACES, convert


@pytest.mark.parametrize("name", COLOUR_SPACES)
def test_a_pixel_converts_alone_as_in_a_row(name: str) -> None:
    # Wide rows go through the processor's vector unit, single pixels do not: equal results
    # mean that boxes do not depend on the processor.
    colours = np.random.default_rng(0).integers(0, 256, (1, 1 << 16, 3), dtype=np.uint8)
    alone = convert(colours.reshape(-1, 1, 3), name)  # (C, N, 1)
    np.testing.assert_array_equal(convert(colours, name), alone.swapaxes(1, 2))


@pytest.mark.parametrize(
    ("name", "rgb", "converted"),
    [
        ("hsv", (0, 0, 0), (0, 0, 0)),
        ("hsv", (255, 0, 0), (0, 255, 255)),
        ("hsv", (0, 0, 255), (171, 255, 255)),  # hue fills 0-255, not 0-180
        ("lab", (255, 255, 255), (255, 128, 128)),
        ("lab", (0, 0, 0), (0, 128, 128)),
        ("lab", (255, 0, 0), (136, 208, 195)),  # L 53.2, a 80.1, b 67.2
        ("lab", (0, 0, 255), (82, 207, 20)),  # L 32.3, a 79.2, b -107.9
        ("h", (0, 0, 255), (171,)),
        ("intensity", (255, 255, 255), (255,)),
        ("intensity", (255, 0, 0), (76,)),
        ("rgb", (1, 2, 3), (1, 2, 3)),
        ("nrgb", (0, 0, 0), (85, 85, 85)),
        ("nrgb", (10, 0, 30), (63, 0, 191)),
        ("rgi", (200, 200, 200), (85, 85, 200)),
    ],
)
def test_known_colours(name: str, rgb: tuple[int, ...], converted: tuple[int, ...]) -> None:
    found = convert(np.array([[rgb]], np.uint8), name)
    np.testing.assert_allclose(found[:, 0, 0].astype(int), converted, atol=1)


@pytest.mark.parametrize("name", COLOUR_SPACES)
@pytest.mark.parametrize("shape", [(300, 700), (3, 70_000), (70_000, 1)])
def test_strips_fit_together(name: str, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    whole = convert(image, name)
    assert whole.shape[1:] == shape
    for top in (0, shape[0] // 2, shape[0] - 1):
        np.testing.assert_array_equal(whole[:, top : top + 1], convert(image[top : top + 1], name))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed on Linux only")
def test_opencvs_own_threads_are_not_begun_and_its_setting_is_the_users() -> None:
    program = """if True:
        import os
        import numpy as np
        from proposals.opencv import cv2
        from proposals.selective_search.colour import COLOUR_SPACES, convert
        cv2.setNumThreads(4)
        image = np.zeros((1500, 2000, 3), np.uint8)
        before = set(os.listdir("/proc/self/task"))
        for name in COLOUR_SPACES:
            convert(image, name)
        print(len(set(os.listdir("/proc/self/task")) - before), cv2.getNumThreads())
        cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
        print(len(set(os.listdir("/proc/self/task")) - before))
    """
    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    begun, setting, begun_if_left_alone = map(int, ended.stdout.split())
    assert (begun, setting) == (0, 4)
    assert begun_if_left_alone > 0


def test_an_unknown_colour_space_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be one of hsv, lab, .*, but got 'xyz'"):
        convert(np.zeros((1, 1, 3), np.uint8), "xyz")
