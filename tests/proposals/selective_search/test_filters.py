from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from proposals.selective_search.filters import gaussian_derivatives, gaussian_smooth


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (30, 40)])
@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.0, 2.3])
def test_filters_equal_those_of_scipy(shape: tuple[int, int], sigma: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (2, *shape), dtype=np.uint8)
    wide = image.astype(np.float64)
    as_published = {"mode": "nearest", "radius": math.ceil(4 * sigma)}
    smooth = np.stack([ndimage.gaussian_filter(plane, sigma, **as_published) for plane in wide])
    np.testing.assert_allclose(gaussian_smooth(image, sigma), smooth, atol=1e-3)
    along_x, along_y = gaussian_derivatives(image[1], sigma)
    # Ours give a ramp its true slope; scipy's lose a little where the kernel is cut or coarse.
    ramp = np.tile(np.arange(41.0), (3, 1))
    loss = ndimage.gaussian_filter(ramp, sigma, order=(0, 1), **as_published)[1, 20]
    for found, order in ((along_x, (0, 1)), (along_y, (1, 0))):
        expected = ndimage.gaussian_filter(wide[1], sigma, order=order, **as_published)
        np.testing.assert_allclose(found, expected / loss, atol=0.02)


def test_a_step_is_smoothed_as_felzenszwalb_and_huttenlocher_do() -> None:
    # Their filter of sigma 0.8: radius ceil(3.2) = 4, pixels beyond the border as those on it.
    bell = [math.exp(-0.5 * (distance / 0.8) ** 2) for distance in range(5)]
    total = bell[0] + 2 * sum(bell[1:])
    step = np.zeros((1, 1, 7), np.uint8)
    step[0, 0, 3:] = 100
    shares = [sum(bell[3:]), sum(bell[2:]), sum(bell[1:])]
    found = gaussian_smooth(step, 0.8)[0, 0]
    np.testing.assert_allclose(found[:3], [100 * share / total for share in shares[:3]], rtol=1e-5)
    np.testing.assert_allclose(found[3], 100 * (total - sum(bell[1:])) / total, rtol=1e-5)


def test_the_derivative_of_a_ramp_is_its_slope() -> None:
    ramp = np.tile(np.arange(0, 120, 3, dtype=np.uint8)[None, :], (9, 1))
    along_x, along_y = gaussian_derivatives(ramp, 1.0)
    np.testing.assert_allclose(along_x[:, 5:-5], 3, atol=1e-4)
    np.testing.assert_allclose(along_y, 0, atol=1e-4)
