"""The value that every proposal generator returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from proposals.boxes import check_boxes


@dataclass(frozen=True, eq=False, repr=False)
class Proposals:
    """Boxes that may hold an object, best first.

    A slice, a truth value for each box, or ascending places give the proposals of those boxes;
    one place gives the one proposal there, as Proposals of one box, and iteration all in turn.
    ``numpy.asarray`` gives ``boxes_xyxy``.

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

    Examples
    --------
    >>> from proposals import Proposals
    >>> found = Proposals.of_one_source([[0, 0, 40, 30], [10, 5, 20, 15]], (30, 40), "mine")
    >>> found
    Proposals(2 boxes, image_size=(30, 40), sources=('mine',))
    >>> found[found.boxes_xywh[:, 2] < 30].ranks
    array([1], dtype=int32)
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
        ends = boxes[:, 2:].T  # each alone: a maximum over both columns at once takes longer
        if len(boxes) and (boxes.min() < 0 or ends[0].max() > width or ends[1].max() > height):
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

    @property
    def boxes_xywh(self) -> NDArray[np.float32]:
        """The boxes as x, y, width, height, (N, 4), as COCO and OpenCV have them."""
        corners, ends = self.boxes_xyxy[:, :2], self.boxes_xyxy[:, 2:]
        return np.concatenate([corners, ends - corners], axis=1)

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def __repr__(self) -> str:
        return f"Proposals({len(self)} boxes, image_size={self.image_size}, sources={self.sources})"

    def __iter__(self) -> Iterator[Proposals]:
        return (self[place] for place in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.boxes_xyxy, dtype=dtype, copy=copy)

    def __getitem__(self, chosen: int | slice | ArrayLike) -> Proposals:
        """Return the proposals at a place, a slice, an array of places or of truth values.

        Raises
        ------
        IndexError
            If a place is outside, there are not as many truth values as boxes, or the array is
            of another kind.
        ValueError
            If the places do not ascend, as proposals are best first; ``boxes_xyxy[places]``
            takes any order.
        """
        places = self._places(chosen)
        if (np.diff(places) < 0).any():
            raise ValueError(
                "places must ascend, as proposals are best first; take boxes_xyxy[places] otherwise"
            )
        return replace(
            self,
            boxes_xyxy=self.boxes_xyxy[places],
            scores=self.scores[places],
            source_indices=self.source_indices[places],
            ranks=self.ranks[places],
        )

    def _places(self, chosen: int | slice | ArrayLike) -> NDArray[np.intp]:
        """Return the ascending or other places, (M,), that an index chooses."""
        if not isinstance(chosen, slice):
            chosen = np.asarray(chosen)
            if chosen.size == 0 and chosen.dtype.kind == "f":  # an empty list
                chosen = chosen.astype(np.intp)
            if chosen.ndim > 1 or (chosen.ndim == 0 and chosen.dtype.kind not in "iu"):
                raise IndexError(
                    "Proposals take a place, a slice, or an array (M,) of places or truth values"
                )
        return np.atleast_1d(np.arange(len(self))[chosen])

    def first(self, count: int) -> Proposals:
        """Return the best ``count`` proposals, or all where there are fewer."""
        if count < 0:
            raise ValueError(f"count must be 0 or more, but got {count}")
        return self[:count]

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
