"""What matching decided, from which every average precision and interval follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, Self

import numpy as np

from detector.scoring.records import BoolArray, DoubleArray, IntArray

Protocol = Literal["ilsvrc", "voc2007", "voc", "coco"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("ilsvrc", "voc2007", "voc", "coco")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The detections that count under a protocol, and whether each found an object.

    Attributes
    ----------
    protocol : Protocol
        By whose rules.
    image_count : int
        Number of images, those without objects and detections too.
    image_indices : (D,) int64
        Image of each detection that counts; what the protocol ignores is not among them.
    class_ids : (D,) int64
    scores : (D,) float64
        Of equal ones, the earlier row ranks first.
    found : (D,) bool
    object_image_indices : (G,) int64
        Image of each object that is asked for.
    object_class_ids : (G,) int64

    Raises
    ------
    ValueError
        If the columns of detections or of objects differ in length, or one is of an image
        beyond their number.
    """

    protocol: Protocol
    image_count: int
    image_indices: IntArray
    class_ids: IntArray
    scores: DoubleArray
    found: BoolArray
    object_image_indices: IntArray
    object_class_ids: IntArray

    def __post_init__(self) -> None:
        columns = (self.image_indices, self.class_ids, self.scores, self.found)
        if len({len(column) for column in columns}) > 1:
            raise ValueError(f"detections must be one a row but got {[len(c) for c in columns]}")
        if len(self.object_image_indices) != len(self.object_class_ids):
            raise ValueError(
                f"objects must be one a row but got {len(self.object_image_indices)} images and"
                f" {len(self.object_class_ids)} classes"
            )
        check_images(self.image_count, self.image_indices, self.object_image_indices)

    def renumbered(self, images: IntArray) -> Self:
        """Return the same of fewer images, which are numbered anew from 0.

        Parameters
        ----------
        images : (I,) int64
            The indices that remain, ascending; all others hold no detection and no object.
        """
        return replace(
            self,
            image_count=len(images),
            image_indices=np.searchsorted(images, self.image_indices),
            object_image_indices=np.searchsorted(images, self.object_image_indices),
        )


def check_images(image_count: int, *image_indices: IntArray) -> None:
    """Raise ValueError if one of these is beyond the number of images."""
    for indices in image_indices:
        if len(indices) and indices.max() >= image_count:
            raise ValueError(
                f"image_count must exceed every image index but got {image_count} and image"
                f" {indices.max()}"
            )
