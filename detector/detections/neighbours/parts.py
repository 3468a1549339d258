"""What converters take and give: the parts of `Detections`, which itself calls the converters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detector.classes import ObjectClass, select_classes
from proposals.boxes import check_boxes, clip_boxes


class Found(Protocol):
    """What a converter reads of `Detections`; see there."""

    @property
    def boxes_xyxy(self) -> NDArray[np.float32]: ...  # noqa: D102 - see Detections
    @property
    def scores(self) -> NDArray[np.float32]: ...  # noqa: D102 - see Detections
    @property
    def labels(self) -> NDArray[np.int64]: ...  # noqa: D102 - see Detections
    @property
    def classes(self) -> tuple[ObjectClass, ...]: ...  # noqa: D102 - see Detections
    @property
    def image_size(self) -> tuple[int, int]: ...  # noqa: D102 - see Detections


class Parts(NamedTuple):
    """What `Detections` are made of, in the order of their attributes."""

    boxes_xyxy: NDArray[np.float32]  # (N, 4)
    scores: NDArray[np.float32]  # (N,)
    labels: NDArray[np.int64]  # (N,)
    classes: tuple[ObjectClass, ...]
    image_size: tuple[int, int]


def class_names(found: Found) -> list[str]:
    """Return the name of each detection's class."""
    return [found.classes[label].name for label in found.labels]


def parts_of(
    boxes_xyxy: ArrayLike,
    scores: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[ObjectClass],
    image_size: tuple[int, int],
) -> Parts:
    """Bring another package's detections into the form of ours: cut, and the best first.

    Parameters
    ----------
    boxes_xyxy : array_like, (N, 4)
        In pixels, right and bottom edges exclusive; cut at the image's border.
    scores : array_like, (N,)
    labels : array_like, (N,)
        Indices into ``classes``.
    classes : sequence of ObjectClass
    image_size : (int, int)
        Height and width.

    Raises
    ------
    ValueError
        If the boxes are malformed.
    """
    boxes = clip_boxes(check_boxes(boxes_xyxy, "detections"), image_size)
    best_first = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    return Parts(
        boxes[best_first],
        np.asarray(scores, np.float32)[best_first],
        np.asarray(labels, np.int64)[best_first],
        tuple(classes),
        image_size,
    )


def labels_of(names: Sequence[str], classes: Sequence[ObjectClass]) -> NDArray[np.int64]:
    """Return the place of each name's class among ``classes``.

    Raises
    ------
    ValueError
        If a name is that of none of them.
    """
    chosen = {name: select_classes([name], classes)[0] for name in dict.fromkeys(names)}
    return np.array([classes.index(chosen[name]) for name in names], np.int64)


def known_scores(scores: Sequence[float | None], package: str) -> list[float]:
    """Return the scores; refuse detections without one, as drawn by hand.

    Raises
    ------
    ValueError
        Says which is the first.
    """
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        raise ValueError(
            f"detections must have scores, but {package}'s number {scores.index(None)} has none:"
            " it is an annotation; leave it out, or give it a score"
        )
    return known
