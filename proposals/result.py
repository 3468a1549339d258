"""The value that every proposal generator returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proposals.boxes import check_boxes


@dataclass(frozen=True)
class Proposals:
    """Boxes that may hold an object, best first.

    Attributes
    ----------
    boxes_xyxy : ndarray, (N, 4) float32
        In pixels of the input image; right and bottom edges exclusive.
    image_size : tuple of int
        (height, width) of that image.
    source : str
        The generator, for example ``"selective_search"``.
    """

    boxes_xyxy: NDArray[np.float32]
    image_size: tuple[int, int]
    source: str

    def __post_init__(self) -> None:
        boxes = check_boxes(self.boxes_xyxy, "Proposals")
        height, width = self.image_size
        if len(boxes) and (boxes.min() < 0 or (boxes.max(axis=0)[2:] > (width, height)).any()):
            raise ValueError(f"Proposals: boxes must lie within the image of {width} x {height}")
        object.__setattr__(self, "boxes_xyxy", boxes)

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def first(self, count: int) -> Proposals:
        """Return the best ``count`` proposals, or all where there are fewer."""
        if count < 0:
            raise ValueError(f"count must be 0 or more, but got {count}")
        return Proposals(self.boxes_xyxy[:count], self.image_size, self.source)


Proposer = Callable[[NDArray[np.uint8]], Proposals]
"""What makes proposals: takes an (H, W, 3) uint8 RGB image."""
