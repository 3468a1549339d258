"""Which of the proposed regions are scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.config import DetectorConfig
from proposals.boxes import boxes_inside, check_boxes
from proposals.nms import non_maximum_suppression


def admit_regions(
    boxes_xyxy: NDArray[np.float32], image_size: tuple[int, int], config: DetectorConfig
) -> NDArray[np.float32]:
    """Clip regions to the image and keep those that are worth scoring.

    Left out are regions without area, near-duplicates of a better one, which would score as
    that does and lose to it in suppression, and all after the first ``max_proposals``.

    Parameters
    ----------
    boxes_xyxy : (N, 4) array
        Best first.
    image_size : (int, int)
        Height and width of the image.
    config : DetectorConfig
        Of ``max_proposals`` and ``duplicate_iou``.

    Returns
    -------
    (R, 4) float32 array
        In the old order.

    Raises
    ------
    ValueError
        If the boxes are malformed.
    """
    inside = boxes_inside(check_boxes(boxes_xyxy, "proposals"), image_size)
    order = -np.arange(len(inside), dtype=np.float32)
    distinct = non_maximum_suppression(inside, order, config.duplicate_iou)
    return inside[np.sort(distinct)[: config.max_proposals]]
