from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from backbones.classification.crops import crop_picture
from backbones.preprocess import centre_crop


@pytest.mark.parametrize("count", [1, 10, 144])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (224, 224), (90, 1000)])
def test_pictures_of_any_shape_give_the_crops_asked_for(count: int, shape: tuple[int, int]) -> None:
    crops = crop_picture(np.full((*shape, 3), 7, np.uint8), count)
    assert crops.shape == (count, 224, 224, 3)
    assert crops.dtype == np.uint8
    assert (crops == 7).all()


def test_one_crop_is_the_centre() -> None:
    np.testing.assert_array_equal(crop_picture(data.chelsea(), 1)[0], centre_crop(data.chelsea()))


@pytest.mark.parametrize("count", [10, 144])
def test_the_second_half_mirrors_the_first(count: int) -> None:
    crops = crop_picture(data.chelsea(), count)
    np.testing.assert_array_equal(crops[count // 2 :], crops[: count // 2, :, ::-1])


def ramp(height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture whose red says how far to the right, whose green how far down."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, :, 0] = np.linspace(0, 255, width)[None, :]
    picture[:, :, 1] = np.linspace(0, 255, height)[:, None]
    return picture


def test_ten_crops_are_four_corners_and_the_centre_of_the_centre_square() -> None:
    crops = crop_picture(ramp(256, 256), 10)[:5].astype(int)
    red, green = crops[:, 112, 112, 0], crops[:, 112, 112, 1]
    assert (red[[0, 2]] < red[4] - 10).all()
    assert (red[[1, 3]] > red[4] + 10).all()
    assert (green[[0, 1]] < green[4] - 10).all()
    assert (green[[2, 3]] > green[4] + 10).all()
    assert abs(red[4] - 128) <= 2


def test_144_crops_hold_three_squares_of_a_wide_picture_at_four_scales() -> None:
    crops = crop_picture(ramp(300, 900), 144)[:72].astype(int).reshape(4, 3, 6, 224, 224, 3)
    middle = crops[:, :, 5, 112, 112, 0]  # of the squares themselves: left, centre, right
    np.testing.assert_allclose(middle, [[42, 128, 212]] * 4, atol=3)
    # The larger the scale, the less of its square a crop of 224 shows.
    shown = crops[:, 0, 4, 112, -1, 0] - crops[:, 0, 4, 112, 0, 0]
    assert (np.diff(shown) < 0).all()


@pytest.mark.parametrize("count", [0, 2, 100])
def test_other_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="count must be one of"):
        crop_picture(data.chelsea(), count)


@pytest.mark.parametrize("count", [1, 10, 144])
def test_what_is_no_picture_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=r"image must be uint8 of shape \(H, W, 3\)"):
        crop_picture(np.zeros((0, 4, 3), np.uint8), count)
