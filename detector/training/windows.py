"""Training windows by R-CNN's rules: which region shows what, and how a batch is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.datasets.annotation import ImageAnnotation
from detector.training.config import SamplingConfig
from proposals.boxes import pairwise_iou

BACKGROUND = 0
"""Label of windows that show no object; the classes follow as 1 ... C."""


class WindowTable(NamedTuple):
    """All W windows of a data set, true boxes included."""

    boxes_xyxy: NDArray[np.float32]  # (W, 4) pixels of the window's image
    images: NDArray[np.int64]  # (W,) index of the image in the data set
    labels: NDArray[np.int64]  # (W,) 0 background, 1 ... C classes


class WindowBatch(NamedTuple):
    """Rows of a `WindowTable` that make up one batch."""

    rows: NDArray[np.int64]  # (B,)
    mirrored: NDArray[np.bool_]  # (B,)


def build_window_table(
    annotations: Sequence[ImageAnnotation],
    proposals: Iterable[NDArray[np.float32]],
    wnids: Sequence[str],
    config: SamplingConfig,
) -> WindowTable:
    """Label every proposal and every true box of a data set.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
    proposals : iterable of ndarray, (N, 4) float32
        Proposed boxes of each image, in the same order.
    wnids : sequence of str
        WordNet ids of the classes 1 ... C. Objects of other classes are background.
    config : SamplingConfig
    """
    label_of = {wnid: index for index, wnid in enumerate(wnids, start=1)}
    boxes, images, labels = [], [], []
    for image, (annotation, proposed) in enumerate(zip(annotations, proposals, strict=True)):
        known = [i for i, wnid in enumerate(annotation.wnids) if wnid in label_of]
        true_labels = np.array([label_of[annotation.wnids[i]] for i in known], dtype=np.int64)
        true_boxes = annotation.boxes_xyxy[known]
        windows = np.concatenate([true_boxes, proposed])
        boxes.append(windows)
        images.append(np.full(len(windows), image, dtype=np.int64))
        labels.append(label_windows(windows, true_boxes, true_labels, config.foreground_iou))
    if not boxes:
        raise ValueError("the data set holds no images; check the split's list of images")
    return WindowTable(np.concatenate(boxes), np.concatenate(images), np.concatenate(labels))


def label_windows(
    windows_xyxy: NDArray[np.float32],
    true_boxes_xyxy: NDArray[np.float32],
    true_labels: NDArray[np.int64],
    foreground_iou: float,
) -> NDArray[np.int64]:
    """Return, for each window ``(W, 4)``, the label of the true box that it overlaps most.

    A window whose largest IoU is under ``foreground_iou`` is background. Of equal overlaps
    the first true box wins.
    """
    if len(true_boxes_xyxy) == 0:
        return np.full(len(windows_xyxy), BACKGROUND, dtype=np.int64)
    ious = pairwise_iou(windows_xyxy, true_boxes_xyxy)  # (W, G)
    foreground = ious.max(axis=1) >= foreground_iou
    return np.where(foreground, true_labels[ious.argmax(axis=1)], BACKGROUND)


class WindowSampler:
    """Draws batches of windows, uniformly within foreground and background.

    A batch depends on nothing but the seed and the number of the step, so a run that was cut
    off draws on as if it never was.

    Parameters
    ----------
    table : WindowTable
    config : SamplingConfig
    seed : int

    Raises
    ------
    ValueError
        If there is no foreground or no background window at all.
    """

    def __init__(self, table: WindowTable, config: SamplingConfig, seed: int) -> None:
        self._foreground = np.flatnonzero(table.labels != BACKGROUND)
        self._background = np.flatnonzero(table.labels == BACKGROUND)
        self._config = config
        self._seed = seed
        if len(self._foreground) == 0 or len(self._background) == 0:
            raise ValueError(
                f"{len(self._foreground)} foreground and {len(self._background)} background"
                " windows: both are needed; check that the split holds objects of the classes"
            )

    def batch(self, step: int) -> WindowBatch:
        """Return the batch of a step (0, 1, ...), foreground first."""
        generator = np.random.default_rng([self._seed, step])
        rows = np.concatenate(
            [
                generator.choice(self._foreground, self._config.foreground),
                generator.choice(self._background, self._config.background),
            ]
        )
        return WindowBatch(rows, generator.random(len(rows)) < 0.5)
