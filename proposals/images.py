"""Pictures at the door: any file or array that is an image becomes RGB, uint8, upright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
)
"""File name endings that count as pictures when a folder is read; lower case."""

MAX_PIXELS = 150_000_000
"""Largest picture that is decoded (450 MB as RGB); Pillow itself refuses those of 180 million."""


class ImageError(ValueError):
    """A file or array that cannot be used as a picture."""


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture of any kind as RGB.

    Grey, palette, CMYK, 16-bit and transparent pictures are converted (transparency over
    white), the EXIF orientation is applied, and of an animation the first frame is taken.

    Parameters
    ----------
    path : str or Path

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
    with _opened(Path(path)) as picture:
        picture.load()
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
    with _opened(Path(path)) as picture:
        if picture.format not in {"JPEG", "MPO"}:  # MPO: a JPEG with further views behind it
            return False
        picture.draft(None, (1, 1))
        picture.load()
        return True


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture of a size that is bearable; its damage, then or later, is an ImageError."""
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file; check the path")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: the file is empty; fetch or export it again")
    try:
        with Image.open(path) as picture:
            _refuse_huge(picture)
            yield picture
    except UnidentifiedImageError:
        raise ImageError(f"{path}: not a picture that Pillow can read; try a JPEG or PNG") from None
    except Image.DecompressionBombError:
        raise ImageError(
            f"{path}: more than {MAX_PIXELS // 10**6} million pixels; shrink it first"
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow's decoders report damage through any of these.
        raise ImageError(f"{path}: damaged or truncated ({error}); fetch it again") from None


def _refuse_huge(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise Image.DecompressionBombError


def _upright_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in {"I", "F"} or upright.mode.startswith("I;16"):
        return as_rgb_uint8(_full_range(np.asarray(upright)))
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        upright = Image.new("RGBA", layer.size, "white")
        upright.alpha_composite(layer)
    return np.array(upright.convert("RGB"), dtype=np.uint8)


def _full_range(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Map 16-bit, 32-bit integer and float grey files to 0-255.

    Files of 16 bits keep their scale (0-65535); anything else spans its own range.
    """
    numbers = values.astype(np.float64)
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    if low >= 0 and high <= 65535 and values.dtype.kind in "iu":
        low, high = 0.0, 65535.0
    spread = max(high - low, np.finfo(np.float64).tiny)
    scaled = np.nan_to_num((numbers - low) / spread * 255)
    return np.rint(scaled).astype(np.uint8)


def as_rgb_uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image array as ``(H, W, 3)`` uint8.

    Parameters
    ----------
    image : ndarray, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey, RGB or RGBA (alpha is dropped). uint8 of 0-255, uint16 of 0-65535, bool, or
        float of 0-1.

    Raises
    ------
    ImageError
        If shape, type or range is another.
    """
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in {1, 3, 4} or 0 in pixels.shape:
        raise ImageError(
            f"an image must be of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) with H, W >= 1,"
            f" but got {np.shape(image)}"
        )
    pixels = _as_uint8(pixels[:, :, :3])
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def _as_uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
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
