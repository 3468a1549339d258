from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from torchvision.models import GoogLeNet_Weights

from backbones.classification.crops import CropGeometry, crop_picture

GEOMETRIES = list(CropGeometry)
WARPED, SHORT_SIDE = CropGeometry.WARPED, CropGeometry.SHORT_SIDE

Pixels = NDArray[np.uint8]


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def resized(image: Pixels, width: int, height: int, geometry: CropGeometry) -> NDArray[np.int64]:
    """Resize as Caffe's tools do, or as torchvision does."""
    if geometry is WARPED:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.int64)
    picture = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(picture, np.int64)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("count", [1, 10, 144])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 300), (300, 1), (2, 100_000), (100_000, 1), (224, 224), (90, 1000)]
)
def test_pictures_of_any_shape_give_the_crops_asked_for(
    geometry: CropGeometry, count: int, shape: tuple[int, int]
) -> None:
    crops = crop_picture(np.full((*shape, 3), (9, 100, 250), np.uint8), count, geometry)
    assert crops.pixels.shape == (len(crops.repeats), 224, 224, 3)
    assert crops.pixels.dtype == np.uint8
    assert crops.repeats.sum() == count
    assert (crops.pixels == (9, 100, 250)).all()


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("count", [10, 144])
def test_the_second_half_mirrors_the_first(geometry: CropGeometry, count: int) -> None:
    pixels = crop_picture(data.chelsea(), count, geometry).pixels
    half = len(pixels) // 2
    np.testing.assert_array_equal(pixels[half:], pixels[:half, :, ::-1])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (256, 256), (300, 451), (900, 60)])
def test_warped_is_the_centre_of_the_whole_picture_as_caffe_makes_it_256_by_256(
    height: int, width: int
) -> None:
    picture = noise(height, width)
    found = crop_picture(picture, 1, WARPED).pixels
    expected = resized(picture, 256, 256, WARPED)[16:240, 16:240]
    assert np.abs(found - expected[None]).max() <= 1  # Pillow rounds down, OpenCV does not


@pytest.mark.parametrize("count", [1, 10])
def test_of_a_huge_photograph_no_pixel_is_left_out(count: int) -> None:
    picture = noise(600, 540)
    huge = picture.repeat(4, axis=0).repeat(4, axis=1)  # of which 4 x 4 pixels are first made one
    found, expected = (crop_picture(one, count, WARPED).pixels for one in (huge, picture))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "picture", [data.chelsea(), data.chelsea()[:, :399], data.coffee(), data.astronaut()[:, :301]]
)
def test_short_side_is_the_centre_that_torchvision_publishes(picture: Pixels) -> None:
    preset = GoogLeNet_Weights.IMAGENET1K_V1.transforms()
    normalised = preset(Image.fromarray(picture)).permute(1, 2, 0).numpy()
    expected = (normalised * preset.std + preset.mean) * 255
    found = crop_picture(picture, 1, SHORT_SIDE).pixels[0]
    assert np.abs(found - expected).max() < 1.01  # of rounding where Pillow cuts


@pytest.mark.parametrize(
    ("picture", "square", "geometry"),
    [
        (noise(256, 256), np.s_[:, :], WARPED),
        (noise(256, 256), np.s_[:, :], SHORT_SIDE),
        (noise(256, 400), np.s_[:, 72:328], SHORT_SIDE),
        (noise(301, 256), np.s_[22:278, :], SHORT_SIDE),
    ],
)
def test_ten_crops_are_corners_and_centre_of_the_square_and_one_is_its_centre(
    picture: Pixels, square: tuple[slice, slice], geometry: CropGeometry
) -> None:
    # Nothing has to be resized, so every pixel is known.
    of = picture[square]
    expected = np.stack(
        [of[:224, :224], of[:224, 32:], of[32:, :224], of[32:, 32:], of[16:240, 16:240]]
    )
    found = crop_picture(picture, 10, geometry)
    np.testing.assert_array_equal(found.pixels[:5], expected)
    assert found.repeats.tolist() == [1] * 10
    np.testing.assert_array_equal(crop_picture(picture, 1, geometry).pixels, expected[4:])


def papers_crops(picture: Pixels, geometry: CropGeometry) -> Iterator[NDArray[np.int64]]:
    """Give the paper's 72 crops that are not mirrored, each as a picture of its own."""
    height, width = picture.shape[:2]
    for scale in (256, 288, 320, 352):
        long_side = scale * max(height, width) // min(height, width)
        places = (0, round((long_side - scale) / 2), long_side - scale)
        if width > height:
            frame = resized(picture, long_side, scale, geometry)
            squares = [frame[:, at : at + scale] for at in places]
        else:
            frame = resized(picture, scale, long_side, geometry)
            squares = [frame[at : at + scale] for at in places]
        far, centre = scale - 224, (scale - 224) // 2
        for square in squares:
            for top, left in ((0, 0), (0, far), (far, 0), (far, far), (centre, centre)):
                yield square[top : top + 224, left : left + 224]
            yield resized(square.astype(np.uint8), 224, 224, geometry)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("picture", [data.chelsea(), data.rocket().transpose(1, 0, 2)])
def test_144_crops_are_the_papers_without_repeats(picture: Pixels, geometry: CropGeometry) -> None:
    expected = np.stack(list(papers_crops(np.ascontiguousarray(picture), geometry)))
    expected = expected.reshape(4, 3, 6, 224, 224, 3)
    found = crop_picture(picture, 144, geometry)
    assert found.repeats.tolist() == ([1] * 60 + [4] * 3) * 2
    cut = found.pixels[:60].reshape(4, 3, 5, 224, 224, 3)
    assert np.abs(cut - expected[:, :, :5]).max() <= 1  # of rounding
    # Whole squares are resized once, the paper's twice: the same up to their sharpness.
    assert (np.abs(found.pixels[60:63] - expected[:, :, 5]).mean(axis=(2, 3, 4)) < 4).all()


def test_no_two_of_126_crops_are_alike() -> None:
    pixels = crop_picture(noise(300, 400), 144, WARPED).pixels
    assert len({crop.tobytes() for crop in pixels}) == len(pixels) == 126


def test_the_short_side_of_a_very_long_picture_shows_its_middle_alone() -> None:
    picture = np.zeros((1, 101, 3), np.uint8)
    picture[0, 50] = 255
    crop = crop_picture(picture, 1, SHORT_SIDE).pixels[0].astype(int)
    assert (crop[:, 111:113] >= 254).all()
    assert (crop[:, [0, -1]] > 127).all()  # half a pixel on, its black neighbours would begin


def test_warped_crops_of_a_mirrored_picture_are_mirrored() -> None:
    picture = noise(123, 345)
    mirrored = crop_picture(np.ascontiguousarray(picture[:, ::-1]), 1, WARPED).pixels.astype(int)
    found = crop_picture(picture, 1, WARPED).pixels
    assert np.abs(mirrored[:, :, ::-1] - found).max() <= 2  # rounding twice


@pytest.mark.parametrize("count", [0, 2, 126])
def test_other_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"count must be one of .* but got {count}"):
        crop_picture(data.chelsea(), count, WARPED)


@pytest.mark.parametrize("count", [1, 10, 144])
@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((0, 5, 3), np.uint8), id="no rows"),
        pytest.param(np.zeros((5, 5), np.uint8), id="grey"),
        pytest.param(np.zeros((5, 5, 4), np.uint8), id="four channels"),
        pytest.param(np.zeros((5, 5, 3), np.float32), id="float"),
    ],
)
def test_what_is_no_picture_is_refused(count: int, image: Pixels) -> None:
    with pytest.raises(ValueError, match=r"image must be uint8 of shape \(H, W, 3\)"):
        crop_picture(image, count, WARPED)
