"""Non-maximum suppression: of overlapping detections of one class, keep the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, read_only
from proposals.boxes import area, box_at, check_boxes, shared_area


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
    kept = np.empty(len(order), np.int64)
    count = _survivors(read_only(boxes_xyxy[order], np.float32), float(iou_threshold), kept)
    survivors: NDArray[np.int64] = order[kept[:count]]
    return survivors


@kernel
def _survivors(
    boxes_xyxy: NDArray[np.float32], iou_threshold: float, kept: NDArray[np.int64]
) -> int:
    """Fill in the positions that survive, and return how many; the boxes come best first."""
    count = 0
    for candidate in range(boxes_xyxy.shape[0]):
        box = box_at(boxes_xyxy, candidate)
        suppressed = False
        for position in range(count):
            other = box_at(boxes_xyxy, kept[position])
            shared = shared_area(box, other)
            if shared > 0 and shared > iou_threshold * (area(box) + area(other) - shared):
                suppressed = True
                break
        if not suppressed:
            kept[count] = candidate
            count += 1
    return count
