"""Voting: a detection's box is moved to where the regions of its class around it agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proposals.boxes import pairwise_iou


def vote(
    kept_xyxy: NDArray[np.float32],
    voters_xyxy: NDArray[np.float32],
    scores: NDArray[np.float32],
    *,
    min_iou: float,
    exponent: float,
) -> NDArray[np.float32]:
    """Return each kept box as the weighted mean of the voters that overlap it.

    No coordinate is predicted: a voted box lies among regions that were proposed and scored
    (Gidaris and Komodakis 2015, «bounding box voting», without their regression; a power of the
    score as the weight is our choice).

    Parameters
    ----------
    kept_xyxy : (K, 4) float32 array
        Boxes that suppression kept, in pixels.
    voters_xyxy : (N, 4) float32 array
        Regions that were scored for the class, the kept ones among them.
    scores : (N,) float32 array
        What the voters scored, from 0 to 1.
    min_iou : float
        A voter counts for the boxes that it has this IoU or more with.
    exponent : float
        A voter weighs its score to this power.

    Returns
    -------
    (K, 4) float32 array
        Within the hull of the voters. A box whose voters weigh nothing stays as it is.
    """
    near = pairwise_iou(kept_xyxy, voters_xyxy) >= min_iou  # (K, N)
    weights = near * scores.astype(np.float64) ** exponent
    total = weights.sum(axis=1, keepdims=True)
    means = np.divide(weights @ voters_xyxy, total, out=kept_xyxy.astype(np.float64),
                      where=total > 0)  # fmt: skip
    voted: NDArray[np.float32] = means.astype(np.float32)
    return voted
