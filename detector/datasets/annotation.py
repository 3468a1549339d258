"""What is known about one labelled image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from proposals.boxes import check_boxes, clip_boxes


class DatasetError(ValueError):
    """A data set, or a file of it, that cannot be read; says which file, what and the remedy."""


@dataclass(frozen=True, eq=False)
class ImageAnnotation:
    """The objects of one image.

    Attributes
    ----------
    image_id : str
        Name of the image in its data set, without suffix; may hold folders.
    image_path : Path
        Where the picture lies. Nobody has looked whether it can be read.
    image_size : (int, int)
        Height and width in pixels, as the annotation states them.
    boxes_xyxy : (G, 4) float32
        One box an object, as the annotation states it: it may leave the image. Read-only.
    class_keys : tuple of str, length G
        Class of each object: `ObjectClass.key`, the WordNet id of ILSVRC DET's classes and
        the data set's own name of any other.
    difficult : tuple of bool, length G
        Objects that VOC marks as hard to tell: VOC's scoring neither asks for them nor
        counts what finds them. All false when left out.
    crowd : tuple of bool, length G
        Boxes that COCO draws around many objects at once (``iscrowd``). All false when left
        out.
    areas : tuple of float, length G
        Area of each object in square pixels, by which COCO calls it small or large: that of
        its mask where the data set has one. Those of the boxes when left out.

    Raises
    ------
    ValueError
        If the boxes are malformed, or another attribute is not of as many objects.
    """

    image_id: str
    image_path: Path
    image_size: tuple[int, int]
    boxes_xyxy: NDArray[np.float32]
    class_keys: tuple[str, ...]
    difficult: tuple[bool, ...] = ()
    crowd: tuple[bool, ...] = ()
    areas: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        what = f"annotation of {self.image_id}"
        height, width = self.image_size
        if height < 1 or width < 1:
            raise ValueError(f"{what}: image_size must be positive, but got {self.image_size}")
        boxes = check_boxes(self.boxes_xyxy, what).copy()  # (G, 4)
        if len(boxes) != len(self.class_keys):
            raise ValueError(f"{what}: {len(boxes)} boxes, but {len(self.class_keys)} class_keys")
        boxes.setflags(write=False)
        object.__setattr__(self, "boxes_xyxy", boxes)
        self._fill("difficult", (False,) * len(boxes))
        self._fill("crowd", (False,) * len(boxes))
        self._fill("areas", tuple(((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)).tolist()))

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.class_keys)

    def where(self, keep: NDArray[np.bool_]) -> Self:
        """Return the annotation with those objects for which ``keep`` (G,) is true."""
        return replace(
            self,
            boxes_xyxy=self.boxes_xyxy[keep],
            class_keys=tuple(compress(self.class_keys, keep)),
            difficult=tuple(compress(self.difficult, keep)),
            crowd=tuple(compress(self.crowd, keep)),
            areas=tuple(compress(self.areas, keep)),
        )

    def clipped(self) -> Self:
        """Return the annotation with its boxes cut at the borders of the image.

        Training takes them so: what lies outside the picture shows nothing. A box wholly
        outside is left without area.
        """
        return replace(self, boxes_xyxy=clip_boxes(self.boxes_xyxy, self.image_size))

    def clear(self) -> NDArray[np.bool_]:
        """Return which objects (G,) are neither difficult nor crowds.

        Training takes what shows another for neither an object nor background.
        """
        return ~(np.array(self.difficult, np.bool_) | np.array(self.crowd, np.bool_))

    def _fill(self, name: str, values: tuple[bool, ...] | tuple[float, ...]) -> None:
        """Give an attribute that was left out these values; refuse one of another length."""
        given = getattr(self, name)
        if len(given) not in (0, len(values)):
            raise ValueError(
                f"annotation of {self.image_id}: {len(values)} boxes, but {len(given)} {name}"
            )
        if len(given) < len(values):
            object.__setattr__(self, name, values)


def digest_of(annotations: Iterable[ImageAnnotation]) -> str:
    """Return a name for images and their objects: of others, or in another order, it is another.

    Where the pictures lie does not count.
    """
    state = hashlib.sha256()
    for one in annotations:
        objects = (one.class_keys, one.difficult, one.crowd, one.areas, one.boxes_xyxy.tolist())
        state.update(repr((one.image_id, tuple(one.image_size), *objects)).encode())
    return state.hexdigest()
