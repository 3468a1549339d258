"""How well proposals cover objects: R-CNN's coverage, Hosang's average recall, ABO and MABO.

All measures are of overlaps, one IoU an object, which `proposals.evaluation.overlaps` finds for any
number of boxes. There are two conventions, and figures of one do not compare with the other:

any
    The best box of the image, whichever it is; a box may serve several objects. R-CNN's
    coverage, and ABO and MABO of the Selective Search paper.
one-to-one
    The one box that is matched to the object, highest IoU first. Recall and average recall
    (AR) of Hosang et al. 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proposals.boxes import pairwise_iou
from proposals.evaluation.overlaps import OverlapSteps, best_overlaps, matched_overlaps

SIZES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, float("inf"))}
)
"""COCO's sizes of objects: from the first area on, below the second, in square pixels.

COCO takes the area of the mask where it has one; here it is that of the box.
"""


def covered(
    boxes_xyxy: NDArray[np.float32],
    true_boxes_xyxy: NDArray[np.float32],
    iou_threshold: float = 0.5,
) -> NDArray[np.bool_]:
    """Return which objects some proposal covers, as R-CNN counts it.

    One proposal may cover several objects; there is no one-to-one matching.

    Parameters
    ----------
    boxes_xyxy : ndarray, (N, 4) float32
        Proposals.
    true_boxes_xyxy : ndarray, (G, 4) float32
        Objects.
    iou_threshold : float
        Least IoU that counts as covered.

    Returns
    -------
    ndarray, (G,) bool
        Their share over all images of a data set is the coverage.
    """
    ious = pairwise_iou(boxes_xyxy, true_boxes_xyxy)  # (N, G)
    return best_overlaps(ious).at() >= np.float32(iou_threshold)


def recall(overlaps: NDArray[np.float32], iou_thresholds: ArrayLike) -> NDArray[np.float64]:
    """Return the share of objects whose IoU is at least each threshold.

    Parameters
    ----------
    overlaps : ndarray, (G,) float32
    iou_thresholds : array_like, (T,)
        Rounded to float32 as the overlaps are, so that 0.7 is met by a box of just 7/10.

    Returns
    -------
    ndarray, (T,) float64
        NaN where there are no objects.
    """
    thresholds = np.asarray(iou_thresholds, dtype=np.float32)
    if len(overlaps) == 0:
        return np.full(thresholds.shape, np.nan)
    below = np.searchsorted(np.sort(overlaps), thresholds, side="left")
    return 1 - below / len(overlaps)


def recall_shares(overlaps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what each object adds to the average recall, (G,) from 0 to 1.

    Twice the integral of recall over IoU from 0.5 to 1 is the mean over the objects of
    ``2 max(IoU - 0.5, 0)``: exact, where sampled thresholds are not (Hosang et al. 2015).
    """
    shares: NDArray[np.float64] = 2 * np.maximum(overlaps.astype(np.float64) - 0.5, 0)
    return shares


@dataclass(frozen=True)
class ClassOverlap:
    """Average best overlap (ABO) of the objects of one class, and how many those are."""

    objects: int
    abo: float


def average_best_overlaps(
    overlaps: NDArray[np.float32], class_names: NDArray[np.str_]
) -> dict[str, ClassOverlap]:
    """Average the overlaps of each class that has objects, by name.

    Their mean is the MABO (Selective Search paper, section 5.1).

    Parameters
    ----------
    overlaps : ndarray, (G,) float32
        Under the convention "any".
    class_names : ndarray, (G,) str
        Class of each object.
    """
    names, labels = np.unique(class_names, return_inverse=True)
    sums = np.bincount(labels, weights=overlaps, minlength=len(names)).tolist()
    counts = np.bincount(labels, minlength=len(names)).tolist()
    return {
        name: ClassOverlap(count, total / count)
        for name, count, total in zip(names.tolist(), counts, sums, strict=True)
    }


@dataclass(frozen=True)
class Recalls:
    """Shares of objects under one convention; NaN where there are no objects.

    Attributes
    ----------
    at_50, at_70 : float
        Recall at IoU 0.5 and 0.7.
    average : float
        Average recall: twice the integral of recall over IoU from 0.5 to 1.
    """

    at_50: float
    at_70: float
    average: float


def recalls(overlaps: NDArray[np.float32]) -> Recalls:
    """Sum up overlaps ``(G,)`` of either convention."""
    at_50, at_70 = recall(overlaps, [0.5, 0.7]).tolist()
    average = float(recall_shares(overlaps).mean()) if len(overlaps) else float("nan")
    return Recalls(at_50, at_70, average)


@dataclass(frozen=True)
class Quality:
    """How well objects are covered under both conventions.

    Attributes
    ----------
    objects : int
    any, one_to_one : Recalls
    mabo : float
        Mean over the classes of their average best overlap.
    """

    objects: int
    any: Recalls
    one_to_one: Recalls
    mabo: float


@dataclass(frozen=True, eq=False)
class Overlaps:
    """What the boxes of one generator overlap, under both conventions."""

    best: OverlapSteps
    matched: OverlapSteps

    @classmethod
    def of_image(
        cls, boxes_xyxy: NDArray[np.float32], true_boxes_xyxy: NDArray[np.float32]
    ) -> Overlaps:
        """Overlap the proposals ``(N, 4)`` of one image, best first, with its objects (G, 4)."""
        ious = pairwise_iou(boxes_xyxy, true_boxes_xyxy)
        return cls(best_overlaps(ious), matched_overlaps(ious))

    def quality(
        self,
        class_names: NDArray[np.str_],
        count: int | None = None,
        where: NDArray[np.bool_] | None = None,
    ) -> Quality:
        """Measure the first ``count`` boxes of each image, or all, on the objects ``where``."""
        chosen = np.ones(len(self.best), np.bool_) if where is None else where
        best, matched = self.best.at(count)[chosen], self.matched.at(count)[chosen]
        abo = average_best_overlaps(best, class_names[chosen])
        return Quality(
            objects=len(best),
            any=recalls(best),
            one_to_one=recalls(matched),
            mabo=float(np.mean([one.abo for one in abo.values()])) if abo else float("nan"),
        )


def of_size(areas: NDArray[np.floating[Any]], size: str) -> NDArray[np.bool_]:
    """Return which objects of these areas ``(G,)``, in square pixels, are of a size of `SIZES`."""
    low, high = SIZES[size]
    return (areas >= low) & (areas < high)
