"""Non-maximum suppression: of overlapping detections of one class, keep the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel
from proposals.boxes import check_boxes


def non_maximum_suppression(
    boxes_xyxy: NDArray[np.float32], scores: NDArray[np.float32], iou_threshold: float
) -> NDArray[np.int64]:
    """Return the boxes that survive greedy suppression (R-CNN, section 2.2; ``nms.m``).

    Boxes are visited by descending score; each that overlaps no kept box by more than the
    threshold is kept. Equal scores are visited by ascending index. A box without area
    overlaps nothing.

    Parameters
    ----------
    boxes_xyxy : (N, 4) float32 array
        Boxes of one class, in pixels.
    scores : (N,) float32 array
        Finite scores, higher is better.
    iou_threshold : float
        Largest intersection over union that two kept boxes may have.

    Returns
    -------
    (K,) int64 array
        Indices of the kept boxes, by descending score.

    Raises
    ------
    ValueError
        If the boxes are malformed, or there is not one finite score a box.
    """
    boxes_xyxy = check_boxes(boxes_xyxy, "boxes to suppress")
    scores = np.asarray(scores, np.float32)
    if scores.shape != (len(boxes_xyxy),) or not np.isfinite(scores).all():
        raise ValueError(
            f"scores must be ({len(boxes_xyxy)},) finite numbers but got {scores.shape}"
            f" with {int((~np.isfinite(scores)).sum())} not finite"
        )
    order = np.argsort(-scores, kind="stable")
    kept: NDArray[np.int64] = order[_survivors(boxes_xyxy[order], float(iou_threshold))]
    return kept


@kernel
def _survivors(boxes_xyxy: NDArray[np.float32], iou_threshold: float) -> NDArray[np.int64]:
    """Return the positions that survive; the boxes come best first."""
    count = boxes_xyxy.shape[0]
    kept = np.empty(count, np.int64)
    kept_count = 0
    for candidate in range(count):
        x1, y1, x2, y2 = boxes_xyxy[candidate]
        area = (x2 - x1) * (y2 - y1)
        suppressed = False
        for position in range(kept_count):
            kx1, ky1, kx2, ky2 = boxes_xyxy[kept[position]]
            width = min(x2, kx2) - max(x1, kx1)
            height = min(y2, ky2) - max(y1, ky1)
            if width > 0 and height > 0:
                shared = width * height
                union = area + (kx2 - kx1) * (ky2 - ky1) - shared
                if shared > iou_threshold * union:
                    suppressed = True
                    break
        if not suppressed:
            kept[kept_count] = candidate
            kept_count += 1
    return kept[:kept_count]
