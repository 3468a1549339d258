"""What is scored: the objects and detections of many images, one array a property.

An image is known by its index, 0-based, in whatever sequence of images is being scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.detections.results import Detections
from proposals.boxes import check_boxes

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Blacklist = frozenset[tuple[int, int]]
"""Pairs of (image index, class id) that do not count."""


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The objects of many images, in any order.

    Attributes
    ----------
    image_indices : (G,) int64
    class_ids : (G,) int64
        ``ObjectClass.id`` of each object.
    boxes_xyxy : (G, 4) float32
        Pixels, exclusive right and bottom edge. An object without area is never found.
    difficult : (G,) bool
        VOC's mark; all false when left out.
    crowd : (G,) bool
        COCO's mark; all false when left out.
    areas : (G,) float64
        COCO's areas in square pixels; those of the boxes when left out.

    Raises
    ------
    ValueError
        If the lengths differ or the boxes are malformed.
    """

    image_indices: IntArray
    class_ids: IntArray
    boxes_xyxy: FloatArray
    difficult: BoolArray = field(default_factory=lambda: np.zeros(0, np.bool_))
    crowd: BoolArray = field(default_factory=lambda: np.zeros(0, np.bool_))
    areas: DoubleArray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        boxes = check_boxes(self.boxes_xyxy, "ground truth")
        object.__setattr__(self, "boxes_xyxy", boxes)
        for name in ("image_indices", "class_ids"):
            column = _whole_numbers(getattr(self, name), len(boxes), f"ground truth: {name}")
            object.__setattr__(self, name, column)
        sides = boxes[:, 2:].astype(np.float64) - boxes[:, :2]
        for name, left_out in (
            ("difficult", np.zeros(len(boxes), np.bool_)),
            ("crowd", np.zeros(len(boxes), np.bool_)),
            ("areas", sides.prod(axis=1)),
        ):
            column = np.asarray(getattr(self, name), left_out.dtype)
            if column.shape not in ((0,), left_out.shape):
                raise ValueError(
                    f"ground truth: {name} must be {len(boxes)}, one a box, but got {column.shape}"
                )
            object.__setattr__(self, name, column if len(column) else left_out)

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.class_ids)

    def where(self, keep: BoolArray) -> Self:
        """Return the objects for which ``keep`` (G,) is true."""
        return type(self)(
            self.image_indices[keep],
            self.class_ids[keep],
            self.boxes_xyxy[keep],
            self.difficult[keep],
            self.crowd[keep],
            self.areas[keep],
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """The detections of many images, in any order.

    The protocol says which of equal scores ranks first, see `detector.scoring.match`.

    Attributes
    ----------
    image_indices : (D,) int64
    class_ids : (D,) int64
        ``ObjectClass.id`` of each detection.
    boxes_xyxy : (D, 4) float32
        Pixels, exclusive right and bottom edge.
    scores : (D,) float64
        Confidence, of any finite range.

    Raises
    ------
    ValueError
        If the lengths differ, the boxes are malformed or a score is not finite.
    """

    image_indices: IntArray
    class_ids: IntArray
    boxes_xyxy: FloatArray
    scores: DoubleArray

    def __post_init__(self) -> None:
        boxes = check_boxes(self.boxes_xyxy, "predictions")
        object.__setattr__(self, "boxes_xyxy", boxes)
        for name in ("image_indices", "class_ids"):
            column = _whole_numbers(getattr(self, name), len(boxes), f"predictions: {name}")
            object.__setattr__(self, name, column)
        scores = np.asarray(self.scores, dtype=np.float64)
        if scores.shape != (len(boxes),) or not np.isfinite(scores).all():
            raise ValueError(f"predictions: scores must be {len(boxes)} finite numbers")
        object.__setattr__(self, "scores", scores)

    def __len__(self) -> int:
        """Return the number of detections."""
        return len(self.scores)

    def where(self, keep: BoolArray | IntArray) -> Self:
        """Return the detections for which ``keep`` (D,) is true, or those of its rows (K,)."""
        return type(self)(
            self.image_indices[keep],
            self.class_ids[keep],
            self.boxes_xyxy[keep],
            self.scores[keep],
        )


def gather_ground_truth(
    annotations: Iterable[tuple[int, ImageAnnotation]], classes: Sequence[ObjectClass]
) -> GroundTruth:
    """Return the objects of many images as one; each annotation comes with its image index.

    Objects of other classes than ``classes`` are left out.
    """
    id_by_key = {object_class.key: object_class.id for object_class in classes}
    images: list[int] = []
    class_ids: list[int] = []
    boxes: list[FloatArray] = [np.zeros((0, 4), np.float32)]
    difficult: list[bool] = []
    crowd: list[bool] = []
    areas: list[float] = []
    for image_index, annotation in annotations:
        known = [i for i, key in enumerate(annotation.class_keys) if key in id_by_key]
        images.extend([image_index] * len(known))
        class_ids.extend(id_by_key[annotation.class_keys[i]] for i in known)
        boxes.append(annotation.boxes_xyxy[known])
        difficult.extend(annotation.difficult[i] for i in known)
        crowd.extend(annotation.crowd[i] for i in known)
        areas.extend(annotation.areas[i] for i in known)
    return GroundTruth(
        _integers(images),
        _integers(class_ids),
        np.concatenate(boxes),
        np.array(difficult, np.bool_),
        np.array(crowd, np.bool_),
        np.array(areas, np.float64),
    )


def gather_predictions(
    detections: Iterable[tuple[int, Detections]], classes: Sequence[ObjectClass] | None = None
) -> Predictions:
    """Return the detections of many images as one; each comes with its image index.

    Their classes get the ids that ``classes`` give them, and detections of other classes are
    left out; where it is not given, they keep the detector's ids.
    """
    id_by_key = None if classes is None else {one.key: one.id for one in classes}
    images: list[IntArray] = [_integers([])]
    class_ids: list[IntArray] = [_integers([])]
    boxes: list[FloatArray] = [np.zeros((0, 4), np.float32)]
    scores: list[DoubleArray] = [np.zeros(0)]
    for image_index, found in detections:
        ids = [one.id if id_by_key is None else id_by_key.get(one.key, -1) for one in found.classes]
        of_each = _integers(ids)[found.labels]
        known = of_each >= 0
        images.append(np.full(np.count_nonzero(known), image_index, dtype=np.int64))
        class_ids.append(of_each[known])
        boxes.append(found.boxes_xyxy[known])
        scores.append(found.scores[known].astype(np.float64))
    return Predictions(
        np.concatenate(images),
        np.concatenate(class_ids),
        np.concatenate(boxes),
        np.concatenate(scores),
    )


def _integers(values: Sequence[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


def _whole_numbers(values: ArrayLike, length: int, what: str) -> IntArray:
    column = np.asarray(values)
    if column.size == 0:
        column = column.astype(np.int64)
    if column.shape != (length,) or not np.issubdtype(column.dtype, np.integer):
        raise ValueError(
            f"{what} must be {length} whole numbers, one a box, but got {column.dtype} of shape"
            f" {column.shape}"
        )
    if (column < 0).any():
        raise ValueError(f"{what} must not be negative, but got {column.min()}")
    return column.astype(np.int64, copy=False)
