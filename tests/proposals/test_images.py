from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import EpsImagePlugin, Image, features
from skimage import data

from proposals import images
from proposals.images import (
    ImageError,
    as_rgb_uint8,
    is_whole_jpeg,
    opened_picture,
    read_image,
)


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


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBa", "P"])
def test_transparency_of_every_kind_lies_over_white(mode: str) -> None:
    if mode == "P":
        clear = Image.new("P", (1, 1), 3)
        clear.info["transparency"] = 3
    else:
        clear = Image.new(mode, (1, 1), 0)
    assert as_rgb_uint8(clear).tolist() == [[[255, 255, 255]]]


def test_rotated_pictures_stand_upright(tmp_path: Path, cat: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = saved(tmp_path, cat, "cat.png", exif=exif)
    np.testing.assert_array_equal(read_image(path), np.rot90(np.asarray(cat), -1))


def test_rotated_pictures_without_compression_stand_upright(
    tmp_path: Path, cat: Image.Image
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode in ("L", "RGB", "CMYK"):
        picture = cat.convert(mode)
        path = saved(tmp_path, picture, "cat.tif", exif=exif)
        np.testing.assert_array_equal(read_image(path), np.rot90(picture.convert("RGB"), -1))


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 3), shade) for shade in (0, 255)]
    path = saved(tmp_path, frames[0], "two.gif", save_all=True, append_images=frames[1:])
    assert read_image(path).max() == 0


SUPPORT = {"JPEG2000": "jpg_2000", "AVIF": "avif", "WEBP": "webp"}  # by which Pillow is asked


@pytest.mark.parametrize(
    "name", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "JPEG2000", "AVIF"]
)
def test_each_format_is_read_whatever_its_file_is_called(
    name: str, tmp_path: Path, cat: Image.Image
) -> None:
    if not features.check(SUPPORT.get(name, "jpg")):
        pytest.skip(f"this Pillow has no {name}")
    picture = cat.quantize(64) if name == "GIF" else cat
    path = saved(tmp_path, picture, "picture.dat", format=name)
    found = read_image(path).astype(int)
    assert found.shape == (75, 113, 3)
    assert np.abs(found - np.asarray(picture.convert("RGB"))).mean() < 8
    with opened_picture(path) as opened:
        assert opened.format == name


@pytest.mark.parametrize("name", ["EPS", "PDF", "TGA", "ICO", "PCX", "SGI", "DDS"])
def test_other_formats_are_refused_whatever_their_files_are_called(
    name: str, tmp_path: Path, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object, **__: object) -> NoReturn:
        raise AssertionError("Ghostscript was to be started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", start)
    path = saved(tmp_path, cat, "cat.jpg", format=name)
    with pytest.raises(ImageError, match=r"cat\.jpg: not a picture, or of none of the formats"):
        read_image(path)
    with pytest.raises(ImageError, match="formats JPEG, PNG, WEBP"):
        is_whole_jpeg(path)


def test_a_pillow_image_of_another_format_must_be_loaded_by_who_opened_it(
    tmp_path: Path, cat: Image.Image
) -> None:
    with Image.open(saved(tmp_path, cat, "cat.tga")) as opened:
        with pytest.raises(ImageError, match=r"cat\.tga: is not loaded yet.* TGA, .*call load\(\)"):
            as_rgb_uint8(opened)
        opened.load()
        np.testing.assert_array_equal(as_rgb_uint8(opened), np.asarray(cat))


def test_what_is_not_finite_in_a_picture_of_floats_is_black_or_white(tmp_path: Path) -> None:
    grey = np.array([[np.nan, -np.inf, -2.0, 0.5, 3.0, np.inf]], np.float32)
    found = read_image(saved(tmp_path, Image.fromarray(grey), "floats.tif"))
    assert found[0, :, 0].tolist() == [0, 0, 0, 128, 255, 255]
    nothing = Image.fromarray(np.full((2, 2), np.nan, np.float32))
    assert not read_image(saved(tmp_path, nothing, "nothing.tif")).any()


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
        (np.full((2, 3, 4), [7, 7, 7, 255], np.uint8), [7, 7, 7]),
        (np.full((2, 3, 4), [7, 7, 7, 0], np.uint8), [255, 255, 255]),
        (np.full((2, 3, 4), [0.2, 0.2, 0.2, 0.0]), [255, 255, 255]),
        (np.full((2, 3), 257, ">u2"), [1, 1, 1]),
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
        (None, "NoneType"),
        ([], "shape"),
        ([[0.5], [0.5, 0.5]], "must be an array, but NumPy says"),
        (np.zeros((3, 20, 30), np.uint8), r"pass image\.transpose\(1, 2, 0\)$"),
        (np.zeros((1, 20, 30), np.uint8), r"pass image\.transpose\(1, 2, 0\)$"),
        (np.zeros((20, 30, 2), np.uint8), r"\(20, 30, 2\)$"),
        (np.zeros((8, 20, 30, 3), np.uint8), "pass the images of a batch one by one$"),
        (torch.zeros(3, 20, 30), r"pass image\.permute\(1, 2, 0\)\.numpy\(\)$"),
        (torch.zeros(8, 3, 20, 30), "pass the images of a batch one by one$"),
        (
            torch.zeros(3, 20, 30, requires_grad=True),
            r"pass image\.detach\(\)\.cpu\(\)\.numpy\(\)$",
        ),
        (torch.zeros(3, 20, 30, dtype=torch.bfloat16), "must be an array, but NumPy says"),
    ],
)
def test_other_arrays_are_refused(array: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        as_rgb_uint8(array)
    assert "\n" not in str(caught.value)


def test_the_remedy_for_a_tensor_works(cat: Image.Image) -> None:
    image = torch.from_numpy(np.array(cat)).permute(2, 0, 1)  # (3, H, W), as torchvision has it
    np.testing.assert_array_equal(as_rgb_uint8(image.permute(1, 2, 0).numpy()), np.asarray(cat))
    np.testing.assert_array_equal(as_rgb_uint8((image / 255).permute(1, 2, 0).numpy()), cat)


def clear_palette(cat: Image.Image) -> Image.Image:
    picture = cat.quantize(16)
    picture.info["transparency"] = 3
    return picture


def half_clear(cat: Image.Image) -> Image.Image:
    picture = cat.convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(cat.size))
    return picture


MAKERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "rgb.png": lambda cat: cat,
    "grey.png": lambda cat: cat.convert("L"),
    "two.png": lambda cat: cat.convert("1"),
    "palette.png": lambda cat: cat.quantize(64),
    "clear_palette.png": clear_palette,
    "alpha.png": half_clear,
    "grey_alpha.png": lambda cat: half_clear(cat).convert("LA"),
    "cmyk.tif": lambda cat: cat.convert("CMYK"),
    "ycbcr.tif": lambda cat: cat.convert("YCbCr"),
    "deep.png": lambda cat: Image.fromarray(np.asarray(cat.convert("L")).astype(np.uint16) * 257),
    "deeper.tif": lambda cat: cat.convert("I"),
    "float.tif": lambda cat: cat.convert("F"),
    "one.png": lambda cat: cat.resize((1, 1)),
}
"""Pictures of every kind, by the name of the file to which they are saved."""


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_a_pillow_image_is_what_its_file_is(
    name: str, orientation: int, tmp_path: Path, cat: Image.Image
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = MAKERS[name](cat)
    options = {"compression": "tiff_deflate"} if name.endswith(".tif") else {}
    path = saved(tmp_path, picture, name, exif=exif, **options)
    expected = read_image(path)
    with Image.open(path) as opened:
        found = as_rgb_uint8(opened)
        again = as_rgb_uint8(opened)  # it is as it was
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(again, expected)
    np.testing.assert_array_equal(as_rgb_uint8(str(path)), expected)
    if orientation == 1 and name != "ycbcr.tif":  # which libtiff writes in another way
        np.testing.assert_array_equal(as_rgb_uint8(picture), expected)
    assert (expected.shape[0] > expected.shape[1]) == (orientation > 1 and name != "one.png")


@pytest.mark.parametrize("name", MAKERS)
def test_a_large_picture_is_converted_strip_by_strip_to_the_same(
    name: str, tmp_path: Path, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, MAKERS[name](cat), name)
    expected = read_image(path)
    for pixels in (1, 1000, 113 * 75):
        monkeypatch.setattr(images, "_STRIP_PIXELS", pixels)
        np.testing.assert_array_equal(read_image(path), expected)


def test_an_error_shows_no_control_characters_of_a_file(
    tmp_path: Path, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise KeyError("a\x1b[2Jb\nc")

    path = saved(tmp_path, cat, "cat.png")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(ImageError, match=r"cat\.png: damaged or truncated \('a.*b.*c'\)") as caught:
        read_image(path)
    assert str(caught.value).isprintable()


def test_an_array_with_alpha_is_what_its_file_is(tmp_path: Path, cat: Image.Image) -> None:
    picture = half_clear(cat)
    expected = read_image(saved(tmp_path, picture, "alpha.png"))
    pixels = np.asarray(picture)
    np.testing.assert_array_equal(as_rgb_uint8(pixels), expected)
    np.testing.assert_array_equal(as_rgb_uint8(pixels / 255), expected)
    np.testing.assert_array_equal(as_rgb_uint8(pixels.astype(np.uint16) * 257), expected)
    np.testing.assert_array_equal(as_rgb_uint8(np.asfortranarray(pixels[::-1])), expected[::-1])


def test_pillow_images_that_cannot_be_used_are_refused_in_one_line(
    tmp_path: Path, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(jpeg_bytes(cat)[:900])
    with Image.open(path) as opened, pytest.raises(ImageError, match=r"cut\.jpg: damaged"):
        as_rgb_uint8(opened)
    with Image.open(saved(tmp_path, cat, "cat.png")) as opened:
        pass
    with pytest.raises(ImageError, match=r"cat\.png: was closed before it was read; pass the path"):
        as_rgb_uint8(opened)
    with pytest.raises(ImageError, match=r"Pillow image: has no pixels, as it is 0 x 4"):
        as_rgb_uint8(Image.new("RGB", (0, 4)))
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(ImageError, match=r"Pillow image: more than .* million pixels"):
        as_rgb_uint8(cat)


def test_a_file_that_the_system_refuses_is_told(
    tmp_path: Path, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, cat, "cat.png")

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    for place in ("pathlib.Path.is_file", "PIL.Image.open"):
        with monkeypatch.context() as patched:
            patched.setattr(place, refuse)
            with pytest.raises(ImageError, match=r"cat\.png: cannot be read \(Permission denied"):
                read_image(path)
