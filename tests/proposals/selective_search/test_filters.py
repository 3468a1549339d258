from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from proposals.selective_search.filters import gaussian_derivatives, gaussian_smooth


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (30, 40)])
@pytest.mark.parametrize("sigma", [0.8, 1.0, 2.5])
def test_filters_equal_those_of_scipy(shape: tuple[int, int], sigma: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (2, *shape), dtype=np.uint8)
    wide = image.astype(np.float64)
    smooth = ndimage.gaussian_filter(wide, (0, sigma, sigma))
    np.testing.assert_allclose(gaussian_smooth(image, sigma), smooth, atol=1e-3)
    along_x, along_y = gaussian_derivatives(image[1], sigma)
    # Ours give a ramp its true slope; scipy's lose a little where the kernel is cut.
    for found, order in ((along_x, (0, 1)), (along_y, (1, 0))):
        expected = ndimage.gaussian_filter(wide[1], sigma, order=order)
        np.testing.assert_allclose(found, expected, atol=0.1)


def test_the_derivative_of_a_ramp_is_its_slope() -> None:
    ramp = np.tile(np.arange(0, 120, 3, dtype=np.uint8)[None, :], (9, 1))
    along_x, along_y = gaussian_derivatives(ramp, 1.0)
    np.testing.assert_allclose(along_x[:, 5:-5], 3, atol=1e-4)
    np.testing.assert_allclose(along_y, 0, atol=1e-4)
