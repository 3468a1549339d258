"""The value that every proposal generator returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proposals.boxes import check_boxes


@dataclass(frozen=True, eq=False)
class Proposals:
    """Boxes that may hold an object, best first.

    Attributes
    ----------
    boxes_xyxy : ndarray, (N, 4) float32
        In pixels of the input image; right and bottom edges exclusive.
    scores : ndarray, (N,) float32
        Descending. What they mean is the generator's; between images they need not compare.
    image_size : tuple of int
        (height, width) of that image.
    sources : tuple of str
        The generators that took part, for example ``("selective_search", "multibox")``.
    source_indices : ndarray, (N,) uint8
        Which of ``sources`` gave each box.
    ranks : ndarray, (N,) int32
        Place of each box in the order of its own generator, from 0.

    Raises
    ------
    ValueError
        If the parts do not fit each other, a box leaves the image, or scores rise.
    """

    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    image_size: tuple[int, int]
    sources: tuple[str, ...]
    source_indices: NDArray[np.uint8]
    ranks: NDArray[np.int32]

    def __post_init__(self) -> None:
        boxes = check_boxes(self.boxes_xyxy, "Proposals")
        height, width = self.image_size
        if len(boxes) and (boxes.min() < 0 or (boxes.max(axis=0)[2:] > (width, height)).any()):
            raise ValueError(f"Proposals: boxes must lie within the image of {width} x {height}")
        object.__setattr__(self, "boxes_xyxy", boxes)
        for name, dtype in (
            ("scores", np.float32),
            ("source_indices", np.uint8),
            ("ranks", np.int32),
        ):
            object.__setattr__(self, name, _one_a_box(getattr(self, name), name, len(boxes), dtype))
        if not (np.isfinite(self.scores).all() and (np.diff(self.scores) <= 0).all()):
            raise ValueError("Proposals: scores must be finite and descend")
        if len(boxes) and int(self.source_indices.max()) >= len(self.sources):
            raise ValueError(f"Proposals: source_indices must point into {self.sources}")

    @classmethod
    def of_one_source(
        cls,
        boxes_xyxy: ArrayLike,
        image_size: tuple[int, int],
        source: str,
        scores: ArrayLike | None = None,
    ) -> Proposals:
        """Wrap the boxes ``(N, 4)`` of one generator, best first.

        ``scores`` are the negated ranks, 0, -1, -2 and so on, when left out.
        """
        boxes = check_boxes(boxes_xyxy, "Proposals")
        ranks = np.arange(len(boxes), dtype=np.int32)
        return cls(
            boxes_xyxy=boxes,
            scores=(-ranks if scores is None else np.asarray(scores)).astype(np.float32),
            image_size=image_size,
            sources=(source,),
            source_indices=np.zeros(len(boxes), np.uint8),
            ranks=ranks,
        )

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def first(self, count: int) -> Proposals:
        """Return the best ``count`` proposals, or all where there are fewer."""
        if count < 0:
            raise ValueError(f"count must be 0 or more, but got {count}")
        return Proposals(
            boxes_xyxy=self.boxes_xyxy[:count],
            scores=self.scores[:count],
            image_size=self.image_size,
            sources=self.sources,
            source_indices=self.source_indices[:count],
            ranks=self.ranks[:count],
        )

    def source_names(self) -> Sequence[str]:
        """Return the generator's name of each box, (N,)."""
        return [self.sources[index] for index in self.source_indices]


def _one_a_box(values: NDArray[Any], name: str, count: int, dtype: type) -> NDArray[Any]:
    array: NDArray[Any] = np.ascontiguousarray(values, dtype=dtype)
    if array.shape != (count,):
        raise ValueError(f"Proposals: {name} must be of shape ({count},), but got {array.shape}")
    return array


Proposer = Callable[[NDArray[np.uint8]], Proposals]
"""What makes proposals: takes an (H, W, 3) uint8 RGB image."""
