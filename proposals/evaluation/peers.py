"""Selective Search as OpenCV has it, to measure against: same input frame, its own order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from proposals.images import ImageLike, as_rgb_uint8
from proposals.opencv import cv2
from proposals.result import Proposals
from proposals.selective_search.working_size import to_frame, to_width

OPENCV_MODES: Mapping[str, str] = MappingProxyType(
    {
        "fast": "switchToSelectiveSearchFast",
        "quality": "switchToSelectiveSearchQuality",
        "single": "switchToSingleStrategy",
    }
)
"""OpenCV's names of its modes, by ours."""

_WORKING_WIDTH = 500  # pixels, as R-CNN and so `proposals.SelectiveSearch`


class OpenCvSelectiveSearch:
    """Propose boxes by ``cv2.ximgproc.segmentation``, in the order in which it gives them.

    It differs from the paper's code: least regions of 100 pixels whatever k, k of 150 and
    more, no least side of a box, small boxes first. Its random numbers are the C library's,
    so the order depends on what ran before in the process.

    Parameters
    ----------
    mode : str
        Out of `OPENCV_MODES`.

    Raises
    ------
    ValueError
        If the mode is unknown.
    ImportError
        If OpenCV was installed without its contributed modules.
    """

    def __init__(self, mode: str = "fast") -> None:
        if mode not in OPENCV_MODES:
            raise ValueError(f"mode must be one of {', '.join(OPENCV_MODES)}, but got '{mode}'")
        if not hasattr(cv2, "ximgproc"):
            raise ImportError(
                "this OpenCV lacks ximgproc. Run: pip uninstall opencv-python"
                " opencv-python-headless; pip install --force-reinstall"
                " opencv-contrib-python-headless",
                name="cv2",
            )
        self.mode = mode

    def __call__(self, image: ImageLike) -> Proposals:
        """Propose boxes for one image.

        Parameters
        ----------
        image : str, path, PIL.Image.Image or ndarray
            As `proposals.images.as_rgb_uint8` takes it; arrays are RGB.

        Returns
        -------
        Proposals
            In OpenCV's order, in pixels of ``image``.
        """
        rgb = as_rgb_uint8(image)
        image_size = (rgb.shape[0], rgb.shape[1])
        working = to_width(rgb, _WORKING_WIDTH)
        boxes = to_frame(self._search(working), working.shape[:2], image_size)
        return Proposals.of_one_source(boxes, image_size, f"opencv_{self.mode}")

    def _search(self, working: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Return boxes ``(N, 4)`` as x1, y1, x2, y2, right and bottom exclusive."""
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(cv2.cvtColor(working, cv2.COLOR_RGB2BGR))
        getattr(search, OPENCV_MODES[self.mode])()
        boxes_xywh = cast("NDArray[np.int32]", search.process())
        corners, sides = boxes_xywh[:, :2], boxes_xywh[:, 2:]
        return np.concatenate([corners, corners + sides], axis=1)
