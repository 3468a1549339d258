"""What is known about one labelled image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proposals.boxes import check_boxes


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
        One box an object, within the image; read-only.
    wnids : tuple of str, length G
        WordNet id of each object.

    Raises
    ------
    ValueError
        If the boxes are malformed or leave the image, or their number is not that of the wnids.
    """

    image_id: str
    image_path: Path
    image_size: tuple[int, int]
    boxes_xyxy: NDArray[np.float32]
    wnids: tuple[str, ...]

    def __post_init__(self) -> None:
        what = f"annotation of {self.image_id}"
        height, width = self.image_size
        if height < 1 or width < 1:
            raise ValueError(f"{what}: image_size must be positive, but got {self.image_size}")
        boxes = check_boxes(self.boxes_xyxy, what).copy()  # (G, 4)
        if len(boxes) != len(self.wnids):
            raise ValueError(f"{what}: {len(boxes)} boxes, but {len(self.wnids)} wnids")
        if (boxes < 0).any() or (boxes > np.array([width, height, width, height])).any():
            raise ValueError(f"{what}: boxes must lie in the image of {width} x {height} pixels")
        boxes.setflags(write=False)
        object.__setattr__(self, "boxes_xyxy", boxes)

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.wnids)
