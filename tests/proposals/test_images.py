from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from proposals import images
from proposals.images import ImageError, as_rgb_uint8, is_whole_jpeg, read_image


def saved(folder: Path, picture: Image.Image, name: str, **options: Any) -> Path:
    path = folder / name
    picture.save(path, **options)
    return path


@pytest.fixture
def cat() -> Image.Image:
    return Image.fromarray(data.chelsea()[::4, ::4])


def test_rgb_comes_back_as_it_is(tmp_path: Path, cat: Image.Image) -> None:
    found = read_image(saved(tmp_path, cat, "cat.png"))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(cat))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(tmp_path: Path, cat: Image.Image, mode: str) -> None:
    suffix = "tif" if mode in {"CMYK", "YCbCr"} else "png"
    found = read_image(saved(tmp_path, cat.convert(mode), f"cat.{suffix}"))
    assert found.shape == (75, 113, 3)
    expected = np.asarray(cat.convert(mode).convert("RGB"))
    np.testing.assert_array_equal(found, expected)


def test_sixteen_bits_keep_their_scale(tmp_path: Path) -> None:
    grey = np.array([[0, 257, 65535]], np.uint16)
    found = read_image(saved(tmp_path, Image.fromarray(grey), "deep.png"))
    assert found[0, :, 0].tolist() == [0, 1, 255]


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    clear.putpixel((1, 0), (10, 20, 30, 255))
    found = read_image(saved(tmp_path, clear, "clear.png"))
    assert found[0].tolist() == [[255, 255, 255], [10, 20, 30]]


def test_rotated_pictures_stand_upright(tmp_path: Path, cat: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = saved(tmp_path, cat, "cat.png", exif=exif)
    np.testing.assert_array_equal(read_image(path), np.rot90(np.asarray(cat), -1))


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 3), shade) for shade in (0, 255)]
    path = saved(tmp_path, frames[0], "two.gif", save_all=True, append_images=frames[1:])
    assert read_image(path).max() == 0


def jpeg_bytes(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    return buffer.getvalue()


def test_damaged_files_are_refused_in_one_line(tmp_path: Path, cat: Image.Image) -> None:
    whole = jpeg_bytes(cat)
    damaged = {
        "empty.jpg": (b"", "the file is empty"),
        "text.jpg": (b"no picture at all", "not a picture"),
        "cut.jpg": (whole[: len(whole) // 2], "damaged or truncated"),
        "head.png": (b"\x89PNG\r\n\x1a\n", "not a picture|damaged"),
    }
    for name, (content, message) in damaged.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ImageError, match=f"{name}.*({message})") as caught:
            read_image(path)
        assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(ImageError, match="no such file"):
            read_image(path)


def test_what_is_a_jpeg_is_seen_by_its_content(tmp_path: Path, cat: Image.Image) -> None:
    assert not is_whole_jpeg(saved(tmp_path, cat, "cat.jpg", format="PNG"))
    assert is_whole_jpeg(saved(tmp_path, cat.convert("L"), "cat.png", format="JPEG"))
    for size in [(1, 1), (9, 2)]:
        assert is_whole_jpeg(saved(tmp_path, cat.resize(size), "small.jpg"))


def test_damage_of_a_jpeg_is_found_without_its_pixels(tmp_path: Path, cat: Image.Image) -> None:
    path = saved(tmp_path, cat, "cat.jpg")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageError, match=r"cat\.jpg: damaged or truncated"):
        is_whole_jpeg(path)
    with pytest.raises(ImageError, match="there is no such file"):
        is_whole_jpeg(tmp_path / "none.jpg")


def test_huge_pictures_are_refused_before_they_fill_the_memory(
    tmp_path: Path, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(ImageError, match="million pixels"):
        read_image(saved(tmp_path, cat, "cat.png"))


@pytest.mark.parametrize(
    ("array", "first_pixel"),
    [
        (np.full((2, 3), 7, np.uint8), [7, 7, 7]),
        (np.full((2, 3, 1), 7, np.uint8), [7, 7, 7]),
        (np.full((2, 3, 4), 7, np.uint8), [7, 7, 7]),
        (np.full((2, 3), 65535, np.uint16), [255, 255, 255]),
        (np.ones((2, 3), bool), [255, 255, 255]),
        (np.full((2, 3, 3), 0.2), [51, 51, 51]),
    ],
)
def test_arrays_of_many_types_become_rgb(array: NDArray[Any], first_pixel: list[int]) -> None:
    found = as_rgb_uint8(array)
    assert found.shape == (2, 3, 3)
    assert found.dtype == np.uint8
    assert found[0, 0].tolist() == first_pixel


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 3), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape"),
        (np.zeros((2, 2, 2), np.uint8), "shape"),
        (np.full((2, 2), 200.0), "0 to 1"),
        (np.full((2, 2), np.nan), "0 to 1"),
        (np.zeros((2, 2), np.int64), "int64"),
    ],
)
def test_other_arrays_are_refused(array: NDArray[Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        as_rgb_uint8(array)
