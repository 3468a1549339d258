"""What a COCO file says, as a few arrays, kept in the user's cache folder.

A large file takes many seconds to parse. Its index is made when it is first read, and read back
as long as the file keeps its size and time of change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.classes import ObjectClass
from foundation.cache_folder import cache_folder
from foundation.files import whole_file

WORTH_BYTES: Final = 1 << 20  # from which size on a file is indexed
_VERSION: Final = (
    2  # of the index; raise it when its content, the checks or coco_classes.tsv change
)


@dataclass(frozen=True, eq=False)
class CocoIndex:
    """The images, classes and objects of a file.

    Attributes
    ----------
    image_numbers : (N,) int64
        COCO's number of each image.
    file_names : tuple of str, length N
    image_sizes : (N, 2) int64
        Height and width in pixels.
    classes : tuple of ObjectClass, length K
    starts : (N + 1,) int64
        Row of the first object of each image; its objects end where the next image's begin.
    categories : (G,) int64
        Index of each object's class.
    boxes_xyxy : (G, 4) float32
        Pixels; may leave the image.
    crowd : (G,) bool
    areas : (G,) float64

    Raises
    ------
    ValueError
        If the arrays do not fit each other.
    """

    image_numbers: NDArray[np.int64]
    file_names: tuple[str, ...]
    image_sizes: NDArray[np.int64]
    classes: tuple[ObjectClass, ...]
    starts: NDArray[np.int64]
    categories: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float32]
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]

    def __post_init__(self) -> None:
        images, objects = len(self.file_names), len(self.categories)
        shapes = {
            "image_numbers": (images,),
            "image_sizes": (images, 2),
            "starts": (images + 1,),
            "categories": (objects,),
            "boxes_xyxy": (objects, 4),
            "crowd": (objects,),
            "areas": (objects,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be {shape}, but got {getattr(self, name).shape}")
        known = np.isin(self.categories, np.arange(len(self.classes)))
        if (
            not known.all()
            or self.starts[0] != 0
            or self.starts[-1] != objects
            or (np.diff(self.starts) < 0).any()
        ):
            raise ValueError("starts or categories point to nothing")


def cached_index(
    path: Path, parse: Callable[[], CocoIndex], folder: Path | None = None
) -> CocoIndex:
    """Return the index of a file: the one kept, or what ``parse`` makes, which is then kept.

    Parameters
    ----------
    path : Path
        Of the JSON file.
    parse : callable
    folder : Path, optional
        Of the cache; the user's when left out. It may be deleted at any time, and where it
        cannot be written, nothing is kept.
    """
    stamp = _stamp(path)
    if stamp is None or stamp[1] < WORTH_BYTES:
        return parse()
    folder = folder or cache_folder("data_sets")
    if folder is None:
        return parse()
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept = folder / f"{name}.coco.npz"
    index = _load(kept, stamp)
    if index is None:
        index = parse()
        if _stamp(path) == stamp:  # the file did not change while it was parsed
            with suppress(OSError):
                _save(kept, stamp, index)
    return index


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what differs when the file, or what is kept of it, does."""
    try:
        status = path.stat()
    except OSError:  # parsing will say why
        return None
    return _VERSION, status.st_size, status.st_mtime_ns


def _save(path: Path, stamp: tuple[int, int, int], index: CocoIndex) -> None:
    arrays: dict[str, Any] = {
        name: value for name, value in vars(index).items() if isinstance(value, np.ndarray)
    }
    arrays["file_names"] = np.array(index.file_names, np.str_)
    arrays["class_numbers"] = np.array([c.id for c in index.classes], np.int64)
    arrays["class_wnids"] = np.array([c.wnid for c in index.classes], np.str_)
    arrays["class_names"] = np.array([c.name for c in index.classes], np.str_)
    with whole_file(path) as temporary:
        np.savez(temporary, stamp=np.array(stamp), **arrays)


def _load(path: Path, stamp: tuple[int, int, int]) -> CocoIndex | None:
    """Return what is kept, None if there is nothing, or nothing of this file and version."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if tuple(kept["stamp"].tolist()) != stamp:
                return None
            arrays = {name: kept[name] for name in kept.files}
        columns = [arrays.pop(f"class_{name}").tolist() for name in ("numbers", "wnids", "names")]
        del arrays["stamp"]
        file_names = tuple(arrays.pop("file_names").tolist())
        classes = tuple(ObjectClass(*row) for row in zip(*columns, strict=True))
        return CocoIndex(file_names=file_names, classes=classes, **arrays)
    except Exception:  # noqa: BLE001 - damage shows as almost any error; the index is made anew
        return None
