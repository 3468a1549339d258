"""Compiling ahead of the first use, for container images and first impressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.config import DEFAULT_MODEL
from detector.rcnn import Detector
from foundation.cache_folder import is_trusted
from foundation.compiled_models import compiled_folder
from foundation.kernel_cache import version_folders
from proposals.boxes import pairwise_iou


def warm_up(model: str | Path = DEFAULT_MODEL) -> tuple[Path, ...]:
    """Compile and store the kernels and networks of detection with a model.

    Kernels are those of all modes of Selective Search, of the ranking, of suppression and of the
    warp; networks are MultiBox and the members, as the defaults run them on this processor.

    Parameters
    ----------
    model : str or Path
        As in `detector.Detector.from_pretrained`, whose errors are this function's, too.

    Returns
    -------
    tuple of Path
        The folders that hold them; none where nothing can be stored. A process that finds them
        starts without compiling.
    """
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    detector = Detector.from_pretrained(model)
    boxes = detector.propose(picture)
    detector.score_members(picture, boxes[:1])  # waits for all networks
    detector.detect(picture, boxes[:8])
    pairwise_iou(boxes, boxes)
    folders = (*version_folders(), compiled_folder())
    return tuple(
        one for one in folders if one is not None and is_trusted(one) and any(one.iterdir())
    )
