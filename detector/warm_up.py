"""Compiling every kernel ahead of its first use, for container images and first impressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.regions.warp import WarpConfig, warp_regions
from foundation.kernel_cache import version_folders
from proposals import SelectiveSearch
from proposals.boxes import pairwise_iou
from proposals.nms import non_maximum_suppression
from proposals.ranking import best_first


def warm_up() -> tuple[Path, ...]:
    """Compile and store the kernels of proposals and of detection on processors.

    Returns
    -------
    tuple of Path
        The folders that hold the machine code; none where nothing can be stored. A process that
        finds them starts without compiling.
    """
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    found = SelectiveSearch("fast", threads=1)(picture)
    boxes, scores = found.boxes_xyxy, found.scores
    non_maximum_suppression(boxes, scores, 0.3)
    best_first(boxes, scores, 0.5, 0.9)
    pairwise_iou(boxes, boxes)
    warp_regions(picture, boxes[:1], WarpConfig())
    return tuple(folder for folder in version_folders() if folder.is_dir())
