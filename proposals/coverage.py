"""How well proposals cover the objects of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proposals.boxes import pairwise_iou


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
    if len(boxes_xyxy) == 0:
        return np.zeros(len(true_boxes_xyxy), dtype=np.bool_)
    best: NDArray[np.float32] = pairwise_iou(boxes_xyxy, true_boxes_xyxy).max(axis=0)
    return best >= iou_threshold
