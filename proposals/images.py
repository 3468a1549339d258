"""Pictures at the door: any file, Pillow image or array becomes RGB, uint8, upright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
)
"""File name endings that count as pictures when a folder is read; lower case."""

MAX_PIXELS = 150_000_000
"""Largest picture that is decoded (450 MB as RGB); Pillow itself refuses those of 180 million."""

ImageLike: TypeAlias = NDArray[Any] | Image.Image | str | PathLike[str]
"""What all that works on images takes; see `as_rgb_uint8`."""

_CHANNELS = frozenset({1, 3, 4})


class ImageError(ValueError):
    """A file, Pillow image or array that cannot be used as a picture."""


def read_image(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture of any kind as RGB.

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
    with _damage_told(str(path)):
        if not path.is_file():
            raise ImageError(f"{path}: there is no such file; check the path")
        if path.stat().st_size == 0:
            raise ImageError(f"{path}: the file is empty; fetch or export it again")
        # Opened as a file, since of a name Pillow maps plain TIFFs into memory, and turns those
        # that do not stand upright wrongly (Pillow 13).
        with path.open("rb") as file, Image.open(file) as picture:
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
        raise ImageError(f"{name}: not a picture that Pillow can read; try a JPEG or PNG") from None
    except Image.DecompressionBombError:
        raise ImageError(
            f"{name}: more than {MAX_PIXELS // 10**6} million pixels; shrink it first"
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow's decoders report damage through any of these; the system's errors have a number.
        if isinstance(error, OSError) and error.errno is not None:
            reason = f"cannot be read ({error.strerror}); see to its path and permissions"
            raise ImageError(f"{name}: {reason}") from None
        raise ImageError(f"{name}: damaged or truncated ({error}); fetch it again") from None


def _refuse_huge(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise Image.DecompressionBombError


def _upright_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in {"I", "F"} or upright.mode.startswith("I;16"):
        return _rgb_of_array(_full_range(np.asarray(upright)))
    if upright.has_transparency_data:
        return _over_white(upright)
    return np.array(upright.convert("RGB"), dtype=np.uint8)


def _over_white(picture: Image.Image) -> NDArray[np.uint8]:
    layer = picture.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    ground.alpha_composite(layer)
    return np.array(ground.convert("RGB"), dtype=np.uint8)


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
    with _damage_told(name):
        _refuse_huge(picture)
        if 0 in picture.size:
            raise ImageError(f"{name}: has no pixels, as it is {picture.width} x {picture.height}")
        if getattr(picture, "tile", None) and getattr(picture, "fp", None) is None:
            raise ImageError(
                f"{name}: was closed before it was read; pass the path, or call load() before"
            )
        picture.load()
        return _upright_rgb(picture)


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
        reason = str(error).partition("\n")[0]
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
