"""Training windows by R-CNN's rules: which region shows what, and how a batch is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.datasets.annotation import ImageAnnotation
from detector.training.config import SamplingConfig
from proposals.boxes import box_areas, pairwise_iou

BACKGROUND = 0
"""Label of windows that show no object; the classes follow as 1 ... C."""

IGNORED = -1
"""Label of windows that are neither background nor clearly of an object."""

_NEAR_IOU = 0.1  # from which a background window counts as near an object
_CLEAR_IOU = 0.5  # from which a window shows an object, whatever crowd it stands in


class WindowTable(NamedTuple):
    """All W windows of a data set, true boxes included."""

    boxes_xyxy: NDArray[np.float32]  # (W, 4) pixels of the window's image
    images: NDArray[np.int64]  # (W,) index of the image in the data set
    nearest: NDArray[np.int64]  # (W,) class 1 ... C of the true box overlapped most, 0 for none
    ious: NDArray[np.float32]  # (W,) IoU with that box; of windows of unclear objects, with those

    def rows(self, chosen: NDArray[np.int64]) -> WindowTable:
        """Return some of the windows."""
        return WindowTable(
            self.boxes_xyxy[chosen], self.images[chosen], self.nearest[chosen], self.ious[chosen]
        )

    def digest(self) -> str:
        """Return a name for the windows and what they show: of others it is another."""
        return hashlib.sha256(b"".join(column.tobytes() for column in self)).hexdigest()


def build_window_table(
    annotations: Sequence[ImageAnnotation],
    proposals: Iterable[NDArray[np.float32]],
    class_keys: Sequence[str],
) -> WindowTable:
    """Compare every proposal and every true box of a data set with the true boxes.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
        True boxes are cut at the borders of their images.
    proposals : iterable of ndarray, (N, 4) float32
        Proposed boxes of each image, in the same order.
    class_keys : sequence of str
        `ObjectClass.key` of the classes 1 ... C. Objects of other classes are background.
        Difficult objects, crowds and boxes without area are no true boxes, but a window that
        shows them is not background either: it has their overlap and no class.
    """
    label_of = {key: index for index, key in enumerate(class_keys, start=1)}
    parts = []
    for image, (annotation, proposed) in enumerate(zip(annotations, proposals, strict=True)):
        windows, nearest, ious = _compare(annotation.clipped(), proposed, label_of)
        parts.append(WindowTable(windows, np.full(len(windows), image), nearest, ious))
    if not parts:
        raise ValueError("the data set holds no images; check the split's list of images")
    return WindowTable(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _compare(
    annotation: ImageAnnotation, proposed: NDArray[np.float32], label_of: Mapping[str, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Return the windows of an image, and `nearest` and `ious` of each."""
    labels = np.array([label_of.get(key, BACKGROUND) for key in annotation.class_keys], np.int64)
    boxes, known = annotation.boxes_xyxy, labels != BACKGROUND
    crowd, difficult = np.array(annotation.crowd, bool), np.array(annotation.difficult, bool)
    clear = known & ~crowd & ~difficult & (box_areas(boxes) > 0)
    windows = np.concatenate([boxes[clear], proposed])
    nearest, ious = nearest_objects(windows, boxes[clear], labels[clear])
    unclear = np.maximum(
        nearest_objects(windows, boxes[known & difficult], labels[known & difficult])[1],
        share_inside(windows, boxes[known & crowd]),
    )
    hidden = (unclear > ious) & (ious < _CLEAR_IOU)
    return windows, np.where(hidden, BACKGROUND, nearest), np.where(hidden, unclear, ious)


def share_inside(
    windows_xyxy: NDArray[np.float32], crowds_xyxy: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return, for each window ``(W, 4)``, how much of it lies in the crowd that has most of it.

    So COCO measures overlaps with a crowd, of which a window shows a part at best.
    """
    sides = np.minimum(windows_xyxy[:, None, 2:], crowds_xyxy[:, 2:]) - np.maximum(
        windows_xyxy[:, None, :2], crowds_xyxy[:, :2]
    )  # (W, B, 2)
    shared = np.maximum(sides, 0).prod(axis=2).max(axis=1, initial=0)
    areas = np.maximum(box_areas(windows_xyxy), np.finfo(np.float32).tiny)
    shares: NDArray[np.float32] = (shared / areas).astype(np.float32)
    return shares


def nearest_objects(
    windows_xyxy: NDArray[np.float32],
    true_boxes_xyxy: NDArray[np.float32],
    true_labels: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return, for each window ``(W, 4)``, the label of the true box it overlaps most, and the IoU.

    Of equal overlaps the first true box wins; both are 0 where there is no true box.
    """
    if len(true_boxes_xyxy) == 0:
        return np.zeros(len(windows_xyxy), np.int64), np.zeros(len(windows_xyxy), np.float32)
    ious = pairwise_iou(windows_xyxy, true_boxes_xyxy)  # (W, G)
    return true_labels[ious.argmax(axis=1)], ious.max(axis=1).astype(np.float32)


def label_windows(table: WindowTable, config: SamplingConfig) -> NDArray[np.int64]:
    """Return the label of each window: its object's class, `BACKGROUND` or `IGNORED`."""
    shows_one = (table.ious >= config.foreground_iou) & (table.nearest != BACKGROUND)
    labels = np.where(shows_one, table.nearest, IGNORED)
    labels[table.ious < config.background_iou] = BACKGROUND
    return labels


class WindowSampler:
    """Draws batches of windows.

    A batch depends on nothing but the seed and the number of the step, so a run that was cut
    off draws on as if it never was.

    Parameters
    ----------
    table : WindowTable
    config : SamplingConfig
    seed : int

    Attributes
    ----------
    labels : (W,) int64 array
        Of `label_windows`.
    batch_size : int

    Raises
    ------
    ValueError
        If there is no window of a kind that the configuration asks for.
    """

    def __init__(self, table: WindowTable, config: SamplingConfig, seed: int) -> None:
        self.labels = label_windows(table, config)
        self.batch_size = config.foreground + config.background
        self._config = config
        self._seed = seed
        foreground = np.flatnonzero(self.labels > BACKGROUND)
        background = np.flatnonzero(self.labels == BACKGROUND)
        if len(foreground) == 0 or len(background) == 0:
            raise ValueError(
                f"{len(foreground)} foreground and {len(background)} background"
                " windows: both are needed; check that the split holds objects of the classes"
            )
        self._foreground = [foreground]
        if config.balanced:
            classes = np.unique(self.labels[foreground])
            self._foreground = [np.flatnonzero(self.labels == label) for label in classes]
        self._background = background
        self._near = background[table.ious[background] >= _NEAR_IOU]
        self._far = background[table.ious[background] < _NEAR_IOU]
        if config.near_share is not None and min(len(self._near), len(self._far)) == 0:
            raise ValueError(
                f"{len(self._near)} background windows near objects and {len(self._far)} far from"
                " them: near_share needs both; leave it out"
            )

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the rows ``(B,)`` of the batch of a step, foreground first."""
        generator = np.random.default_rng([self._seed, step])
        return np.concatenate([self._draw_foreground(generator), self._draw_background(generator)])

    def mirrored(self, step: int) -> NDArray[np.bool_]:
        """Return which windows ``(B,)`` of the batch of a step are mirrored."""
        return np.random.default_rng([self._seed, step, 1]).random(self.batch_size) < 0.5

    def _draw_foreground(self, generator: np.random.Generator) -> NDArray[np.int64]:
        groups = generator.integers(len(self._foreground), size=self._config.foreground)
        shares = generator.random(self._config.foreground)
        return np.array(
            [
                _at(self._foreground[group], share)
                for group, share in zip(groups, shares, strict=True)
            ]
        )

    def _draw_background(self, generator: np.random.Generator) -> NDArray[np.int64]:
        count = self._config.background
        if self._config.near_share is None:
            return generator.choice(self._background, count)
        near = round(count * self._config.near_share)
        return np.concatenate(
            [generator.choice(self._near, near), generator.choice(self._far, count - near)]
        )


def _at(rows: NDArray[np.int64], share: float) -> int:
    """Return the row at a share from 0 to 1 of the way through."""
    return int(rows[int(share * len(rows))])
