"""Windows for linear SVMs by R-CNN's rules: which is a positive of which class, which a negative.

These are not the rules of fine-tuning (`detector.training.windows`): a positive is a true box
and nothing else, and what lies between it and the negatives is left out (Girshick et al. 2014,
section 2.3 and appendix B).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.datasets.annotation import ImageAnnotation
from detector.training.svm.config import SvmConfig
from detector.training.windows import nearest_objects, share_inside
from proposals.boxes import box_areas

POSITIVE, NEGATIVE, IGNORED = 1, -1, 0

_NEAR_IOU = 0.1  # from which a proposal counts as near an object


class SvmWindows(NamedTuple):
    """The W windows that SVMs learn from, grouped by image."""

    boxes_xyxy: NDArray[np.float32]  # (W, 4) pixels of the window's image
    images: NDArray[np.int64]  # (W,) index of the image in the data set, ascending
    targets: NDArray[np.int8]  # (W, C) POSITIVE, NEGATIVE or IGNORED of each class
    is_mined: NDArray[np.bool_]  # (W,) negatives of the second round, if they are hard


def draw_windows(
    annotations: Sequence[ImageAnnotation],
    proposals: Sequence[NDArray[np.float32]],
    class_keys: Sequence[str],
    config: SvmConfig,
) -> SvmWindows:
    """Take all true boxes of the classes, and as many proposals as there is room for.

    Every image gives the same number of proposals, give or take one; every other of them is for
    the second round.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
    proposals : sequence of ndarray, (N, 4) float32
        Proposed boxes of each image, in the same order.
    class_keys : sequence of str
        `ObjectClass.key` of the C classes.
    config : SvmConfig

    Raises
    ------
    ValueError
        If there is no room for proposals beside the true boxes, or a class has no true box.
    """
    annotations = [annotation.clipped() for annotation in annotations]
    true = [_true_boxes(annotation, class_keys) for annotation in annotations]
    _check_counts(true, class_keys, config)
    room, total = config.windows - sum(len(boxes) for boxes, _ in true), len(true)
    parts = []
    for image, (annotation, proposed, (boxes, columns)) in enumerate(
        zip(annotations, proposals, true, strict=True)
    ):
        overlaps = class_overlaps(annotation, proposed, class_keys)
        count = (image + 1) * room // total - image * room // total
        generator = np.random.default_rng([config.seed, image])
        drawn = _draw(overlaps.max(axis=1, initial=0), count, config.near_share, generator)
        of_true = _negatives(class_overlaps(annotation, boxes, class_keys), config)
        of_true[np.arange(len(boxes)), columns] = POSITIVE
        parts.append(
            SvmWindows(
                np.concatenate([boxes, proposed[drawn]]),
                np.full(len(boxes) + len(drawn), image),
                np.concatenate([of_true, _negatives(overlaps[drawn], config)]),
                np.concatenate([np.zeros(len(boxes), bool), np.arange(len(drawn)) % 2 == 1]),
            )
        )
    return SvmWindows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def class_overlaps(
    annotation: ImageAnnotation, windows_xyxy: NDArray[np.float32], class_keys: Sequence[str]
) -> NDArray[np.float32]:
    """Return, for each window ``(W, 4)``, its largest IoU with the objects of each class, (W, C).

    Difficult objects count as any other; of a crowd, the share of the window inside it does.
    """
    keys, crowd = np.array(annotation.class_keys, object), np.array(annotation.crowd, bool)
    overlaps = np.zeros((len(windows_xyxy), len(class_keys)), np.float32)
    for column, key in enumerate(class_keys):
        objects, crowds = (keys == key) & ~crowd, (keys == key) & crowd
        labels = np.ones(objects.sum(), np.int64)
        _, ious = nearest_objects(windows_xyxy, annotation.boxes_xyxy[objects], labels)
        inside = share_inside(windows_xyxy, annotation.boxes_xyxy[crowds])
        overlaps[:, column] = np.maximum(ious, inside)
    return overlaps


def _true_boxes(
    annotation: ImageAnnotation, class_keys: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the boxes (G, 4) that are positives, and the columns (G,) of their classes."""
    column_of = {key: column for column, key in enumerate(class_keys)}
    columns = np.array([column_of.get(key, -1) for key in annotation.class_keys], np.int64)
    unclear = np.array(annotation.crowd, bool) | np.array(annotation.difficult, bool)
    taken = (columns >= 0) & ~unclear & (box_areas(annotation.boxes_xyxy) > 0)
    return annotation.boxes_xyxy[taken], columns[taken]


def _check_counts(
    true: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]],
    class_keys: Sequence[str],
    config: SvmConfig,
) -> None:
    columns = np.concatenate([of_image for _, of_image in true]) if true else np.empty(0, np.int64)
    counts = np.bincount(columns, minlength=len(class_keys))
    if len(missing := np.flatnonzero(counts == 0)):
        raise ValueError(
            f"{len(missing)} of {len(class_keys)} classes have no object in these photographs, the"
            f" first is {class_keys[missing[0]]}: an SVM needs some of each; take more photographs"
        )
    if config.windows <= len(columns):
        raise ValueError(
            f"windows must be above the number of true boxes, {len(columns)}, so that there are"
            f" negatives, but is {config.windows}; ask for more windows or for fewer photographs"
        )


def _negatives(overlaps: NDArray[np.float32], config: SvmConfig) -> NDArray[np.int8]:
    """Return NEGATIVE or IGNORED of each class, (W, C)."""
    return np.where(overlaps < config.negative_iou, NEGATIVE, IGNORED).astype(np.int8)


def _draw(
    ious: NDArray[np.float32], count: int, near_share: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return the rows of ``count`` windows, in random order, or of all if there are fewer."""
    order = generator.permutation(len(ious))
    near, far = order[ious[order] >= _NEAR_IOU], order[ious[order] < _NEAR_IOU]
    of_near = min(round(count * near_share), len(near))
    of_near = max(of_near, min(count - len(far), len(near)))
    return generator.permutation(np.concatenate([near[:of_near], far[: count - of_near]]))
