"""Pictures at the door: any file, Pillow image or array becomes RGB, uint8, upright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from foundation.spelling import one_line

PICTURE_FORMATS: Final = (
    "JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "JPEG2000", "AVIF",
)  # fmt: skip
"""The formats that are opened, by Pillow's names; a file's content decides which it is.

Pillow knows some forty. Of the others one starts a program (EPS: Ghostscript), and most have
loaders that few people look at.
"""

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".avif"}
    | {".jp2", ".j2k"}
)
"""File name endings that count as pictures when a folder is read; lower case."""

MAX_PIXELS = 150_000_000
"""Largest picture that is decoded (450 MB as RGB); Pillow itself refuses those of 180 million."""

_STRIP_PIXELS = 1 << 22  # converted at a time, so that copies stay small beside the picture

ImageLike: TypeAlias = NDArray[Any] | Image.Image | str | PathLike[str]
"""What all that works on images takes; see `as_rgb_uint8`."""

_CHANNELS = frozenset({1, 3, 4})


class ImageError(ValueError):
    """A file, Pillow image or array that cannot be used as a picture."""


def read_image(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture of any of `PICTURE_FORMATS` as RGB.

    Grey, palette, CMYK, 16-bit and transparent pictures are converted (transparency over
    white), the EXIF orientation is applied, and of an animation the first frame is taken.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    ndarray, (H, W, 3) uint8
        RGB, as a person would see it.

    Raises
    ------
    ImageError
        If the file is missing, empty, truncated, huge, or no picture; the message is one
        line with the file's name and the remedy.
    """
    with opened_picture(path) as picture:
        return _upright_rgb(picture)


def decode_image(content: bytes, name: str) -> NDArray[np.uint8]:
    """Read a picture that lies in memory, such as one from standard input.

    Parameters
    ----------
    content : bytes
        What its file would hold.
    name : str
        What messages call it.

    Returns
    -------
    ndarray, (H, W, 3) uint8
        As `read_image`.

    Raises
    ------
    ImageError
        As `read_image`.
    """
    with _damage_told(name):
        if not content:
            raise ImageError(f"{name}: there is no data; send a picture")
        with Image.open(BytesIO(content), formats=PICTURE_FORMATS) as picture:
            _refuse_huge(picture)
            return _upright_rgb(picture)


def is_whole_jpeg(path: str | Path) -> bool:
    """Go through a JPEG file from its first byte to its last, without its pixels.

    It is decoded at an eighth of its size, which is quicker than `read_image`.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bool
        False where the file is a picture of another kind; nobody has looked at its end.

    Raises
    ------
    ImageError
        As `read_image`.
    """
    with opened_picture(path) as picture:
        if picture.format not in {"JPEG", "MPO"}:  # MPO: a JPEG with further views behind it
            return False
        picture.draft(None, (1, 1))
        picture.load()
        return True


@contextmanager
def opened_picture(path: str | PathLike[str]) -> Iterator[Image.Image]:
    """Open a picture whose pixels are not decoded yet: the only door for files of pictures.

    The formats are those of `PICTURE_FORMATS`, the size is bearable, and whatever Pillow raises
    over the file, then or later in the block, becomes an ImageError.

    Raises
    ------
    ImageError
        As `read_image`.
    """
    path = Path(path)
    with _damage_told(str(path)):
        if not path.is_file():
            raise ImageError(f"{path}: there is no such file; check the path")
        if path.stat().st_size == 0:
            raise ImageError(f"{path}: the file is empty; fetch or export it again")
        # Opened as a file, since of a name Pillow maps plain TIFFs into memory, and turns those
        # that do not stand upright wrongly (Pillow 13).
        with path.open("rb") as file, Image.open(file, formats=PICTURE_FORMATS) as picture:
            _refuse_huge(picture)
            yield picture


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises over a picture into one line that begins with ``name``."""
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(
            f"{name}: not a picture, or of none of the formats {', '.join(PICTURE_FORMATS)}; save"
            " it as JPEG or PNG"
        ) from None
    except Image.DecompressionBombError:
        raise ImageError(
            f"{name}: more than {MAX_PIXELS // 10**6} million pixels; shrink it first"
        ) from None
    except OSError as error:
        if error.errno is not None:  # of the system; Pillow's own have no number
            reason = f"cannot be read ({error.strerror}); see to its path and permissions"
            raise ImageError(f"{name}: {reason}") from None
        raise _damaged(name, error) from None
    except Exception as error:  # noqa: BLE001 - Pillow lets damage out as almost any error
        raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> ImageError:
    told = one_line(error) or type(error).__name__
    return ImageError(f"{name}: damaged or truncated ({told}); fetch it again")


def _refuse_huge(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise Image.DecompressionBombError


def _upright_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    return _rgb(picture)


def _rgb(picture: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels (H, W, 3) of a picture that is loaded and upright.

    Strip by strip: one copy of a picture of `MAX_PIXELS` takes 600 MB, and Pillow makes several.
    """
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;16"):
        return _rgb_of_array(_full_range(np.asarray(picture)))
    rows = max(1, _STRIP_PIXELS // picture.width)
    if rows >= picture.height:
        return _rgb_of_strip(picture)
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        pixels[top:bottom] = _rgb_of_strip(picture.crop((0, top, picture.width, bottom)))
    return pixels


def _rgb_of_strip(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.has_transparency_data:
        return _over_white(picture)
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _over_white(picture: Image.Image) -> NDArray[np.uint8]:
    layer = picture.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    ground.alpha_composite(layer)
    return np.array(ground.convert("RGB"), dtype=np.uint8)


def _full_range(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Map 16-bit, 32-bit integer and float grey files (H, W) to 0-255.

    Files of 16 bits keep their scale (0-65535); anything else spans the range of its own finite
    values. What is not a number becomes black, what is infinite black or white.
    """
    rows = max(1, _STRIP_PIXELS // values.shape[1])
    strips = [slice(top, top + rows) for top in range(0, len(values), rows)]
    ends = [finite for strip in strips for finite in _finite_ends(values[strip])]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    if low >= 0 and high <= 65535 and values.dtype.kind in "iu":
        low, high = 0.0, 65535.0
    spread = max(high - low, np.finfo(np.float64).tiny)
    grey = np.empty(values.shape, np.uint8)
    for strip in strips:
        numbers = np.nan_to_num(values[strip].astype(np.float64), nan=low)
        grey[strip] = np.rint((np.clip(numbers, low, high) - low) / spread * 255)
    return grey


def _finite_ends(values: NDArray[Any]) -> tuple[float, ...]:
    """Return the smallest and the largest of the finite values, or nothing where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else ()


def as_rgb_uint8(image: ImageLike) -> NDArray[np.uint8]:
    """Return an image of any kind as ``(H, W, 3)`` uint8: the door of all that takes images.

    A file, the Pillow image opened from it, and an array of its pixels give the same.

    Parameters
    ----------
    image : str, path, PIL.Image.Image or ndarray
        A file or a Pillow image as `read_image` takes it. Or an array: (H, W) or (H, W, 1),
        grey; (H, W, 3), RGB; (H, W, 4), RGB with alpha, which lies over white. uint8 of 0-255,
        uint16 of 0-65535, bool, or float of 0-1.

    Raises
    ------
    ImageError
        If the file or Pillow image cannot be decoded, or shape, type or range of an array is
        another. Where channels come first, as in PyTorch, the message says how to move them.
    """
    if isinstance(image, str | PathLike):
        return read_image(image)
    if isinstance(image, Image.Image):
        return _rgb_of_picture(image)
    return _rgb_of_array(image)


def _rgb_of_picture(picture: Image.Image) -> NDArray[np.uint8]:
    name = getattr(picture, "filename", "") or "Pillow image"
    with _damage_told(str(name)):
        _refuse_huge(picture)
        if 0 in picture.size:
            raise ImageError(f"{name}: has no pixels, as it is {picture.width} x {picture.height}")
        if getattr(picture, "tile", None) and getattr(picture, "fp", None) is None:
            raise ImageError(
                f"{name}: was closed before it was read; pass the path, or call load() before"
            )
        if getattr(picture, "tile", None) and picture.format not in (*PICTURE_FORMATS, "MPO"):
            raise ImageError(
                f"{name}: is not loaded yet, and of the format {picture.format}, which is not"
                " opened here; call load() before if it comes from a source that you trust"
            )
        picture.load()
        return _rgb(ImageOps.exif_transpose(picture))


def _rgb_of_array(image: NDArray[Any]) -> NDArray[np.uint8]:
    pixels = _as_array(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in _CHANNELS or 0 in pixels.shape:
        got = np.shape(pixels) or type(image).__name__
        raise ImageError(
            f"an image must be of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) with H, W >= 1,"
            f" but got {got}{_remedy(image, pixels.shape)}"
        )
    pixels = _as_uint8(pixels)
    if pixels.shape[2] == 4:
        return _over_white(Image.fromarray(pixels))
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def _as_array(image: Any) -> NDArray[Any]:  # noqa: ANN401 - whatever NumPy takes
    try:
        return np.asarray(image)
    except (TypeError, ValueError, RuntimeError) as error:
        # Ragged lists; tensors of PyTorch that are on a GPU or carry a gradient.
        reason = one_line(str(error).partition("\n")[0])
        on_cpu = "; pass image.detach().cpu().numpy()" if _is_tensor(image) else ""
        raise ImageError(f"an image must be an array, but NumPy says: {reason}{on_cpu}") from None


def _remedy(image: object, shape: tuple[int, ...]) -> str:
    """Say how to bring a tensor's layout to ours, where it is one that is known."""
    if len(shape) == 4:
        return "; pass the images of a batch one by one"
    if len(shape) != 3 or shape[0] not in _CHANNELS:
        return ""
    move = "permute(1, 2, 0).numpy()" if _is_tensor(image) else "transpose(1, 2, 0)"
    return f"; channels come last: pass image.{move}"


def _is_tensor(image: object) -> bool:
    """Tell a tensor of PyTorch by its methods, as PyTorch is not imported here."""
    return hasattr(image, "permute") and hasattr(image, "detach")


def _as_uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.newbyteorder("=") == np.uint16:
        return np.rint(pixels / 257).astype(np.uint8)
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.kind == "f":
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
            raise ImageError(
                "a float image must hold finite values from 0 to 1; divide 0-255 values by 255"
            )
        return (pixels * 255).round().astype(np.uint8)
    raise ImageError(f"an image must be uint8, uint16, bool or float, but got {pixels.dtype}")
