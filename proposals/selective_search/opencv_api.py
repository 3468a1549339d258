"""Selective Search under the names of OpenCV's class, so that a program changes one import.

In place of ``cv2.ximgproc.segmentation``::

    from proposals.selective_search import opencv_api as segmentation

    search = segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(cv2.imread("street.jpg"))
    search.switchToSelectiveSearchFast()
    boxes_xywh = search.process()

As OpenCV's, it works at the picture's own size. What differs: without arguments the scales are
R-CNN's (k of 50 and 100 in the fast mode, where OpenCV has 150, 300 and 450), and in any case the
least region has k pixels (OpenCV: 100) and boxes with a side under ``min_side`` are left out
(OpenCV: none); the best boxes come first, the same on every run; grey images are taken; and a
new base image needs no new call of ``switchTo...``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from foundation.checks import check_whole
from proposals.images import ImageError, as_rgb_uint8
from proposals.selective_search.config import MODES, SelectiveSearchConfig
from proposals.selective_search.search import SelectiveSearch

_K, _STEP = 150, 150  # OpenCV's base_k and inc_k, where only one of them is given
_FAST_SCALES, _QUALITY_SCALES = 3, 5  # how many k OpenCV takes of them


def createSelectiveSearchSegmentation(
    *,
    seed: int = 0,
    threads: int | None = None,
    min_side: int = SelectiveSearchConfig.min_side,
) -> SelectiveSearchSegmentation:
    """Return a search with the methods of OpenCV's.

    Parameters
    ----------
    seed, threads
        As in `proposals.SelectiveSearch`; OpenCV has neither.
    min_side : int
        Boxes with a shorter side, in pixels, are left out; 0 keeps all, as OpenCV does.

    Raises
    ------
    ValueError
        If a setting is impossible.
    """
    return SelectiveSearchSegmentation(seed=seed, threads=threads, min_side=min_side)


class SelectiveSearchSegmentation:
    """A search that is told its image and its mode by OpenCV's methods.

    Parameters
    ----------
    seed, threads, min_side
        As in `createSelectiveSearchSegmentation`.
    """

    def __init__(self, *, seed: int, threads: int | None, min_side: int) -> None:
        SelectiveSearch(seed=seed, threads=threads)  # refuses what is impossible now, not later
        check_whole("min_side", min_side, 0)
        self._seed, self._threads, self._min_side = seed, threads, min_side
        self._image: NDArray[np.uint8] | None = None
        self._config: SelectiveSearchConfig | None = None

    def setBaseImage(self, img: NDArray[Any]) -> None:
        """Take the image to search.

        Parameters
        ----------
        img : ndarray, (H, W, 3) uint8
            BGR, as ``cv2.imread`` returns it. Grey and BGRA, and the other types of
            `proposals.images.as_rgb_uint8`, too.

        Raises
        ------
        ImageError
            If it is no image; None is what ``cv2.imread`` returns of a file that it cannot read.
        """
        if not isinstance(img, np.ndarray):
            told = "; did cv2.imread find the file?" if img is None else ""
            raise ImageError(f"img must be a BGR array, but got {type(img).__name__}{told}")
        if img.ndim == 3 and img.shape[2] in {3, 4}:
            img = img[:, :, [2, 1, 0, 3][: img.shape[2]]]
        self._image = as_rgb_uint8(img)

    def switchToSingleStrategy(self, k: int | None = None, sigma: float | None = None) -> None:
        """Search by one strategy: HSV, all similarities, one k.

        Parameters
        ----------
        k : int, optional
            100 when left out, the paper's (OpenCV: 200).
        sigma : float, optional
            Smoothing before the segmentation, in pixels; 0.8 when left out, as in OpenCV.
        """
        self._switch("single", None if k is None else (k,), sigma)

    def switchToSelectiveSearchFast(
        self, base_k: int | None = None, inc_k: int | None = None, sigma: float | None = None
    ) -> None:
        """Search by HSV and Lab and two similarities.

        Parameters
        ----------
        base_k, inc_k : int, optional
            The scales are ``base_k``, and ``inc_k`` and twice that more, 150 for one that is
            left out; 50 and 100, R-CNN's, when both are.
        sigma : float, optional
            As in `switchToSingleStrategy`.
        """
        self._switch("fast", _scales(base_k, inc_k, _FAST_SCALES), sigma)

    def switchToSelectiveSearchQuality(
        self, base_k: int | None = None, inc_k: int | None = None, sigma: float | None = None
    ) -> None:
        """Search by five colour spaces and four similarities.

        Parameters
        ----------
        base_k, inc_k : int, optional
            The scales are ``base_k``, and one to four times ``inc_k`` more, 150 for one that is
            left out; 50, 100, 150 and 300, R-CNN's, when both are.
        sigma : float, optional
            As in `switchToSingleStrategy`.
        """
        self._switch("quality", _scales(base_k, inc_k, _QUALITY_SCALES), sigma)

    def process(self) -> NDArray[np.int32]:
        """Search the image.

        Returns
        -------
        ndarray, (N, 4) int32
            Boxes as x, y, width, height in pixels, the best first.

        Raises
        ------
        ValueError
            If there is no image or no mode yet.
        """
        if self._image is None:
            raise ValueError("there is no image yet: call setBaseImage(img) first")
        if self._config is None:
            raise ValueError("there is no mode yet: call switchToSelectiveSearchFast() first")
        search = SelectiveSearch(self._config, seed=self._seed, threads=self._threads)
        return search(self._image).boxes_xywh.astype(np.int32)

    def addImage(self, img: object) -> NoReturn:
        """Refuse an image of another colour space."""
        _refuse("addImage", "colour_spaces")

    def clearImages(self) -> NoReturn:
        """Refuse to forget the colour spaces."""
        _refuse("clearImages", "colour_spaces")

    def addGraphSegmentation(self, g: object) -> NoReturn:
        """Refuse a segmentation of OpenCV's."""
        _refuse("addGraphSegmentation", "ks and sigma")

    def clearGraphSegmentations(self) -> NoReturn:
        """Refuse to forget the scales."""
        _refuse("clearGraphSegmentations", "ks and sigma")

    def addStrategy(self, s: object) -> NoReturn:
        """Refuse a similarity of OpenCV's."""
        _refuse("addStrategy", "similarities")

    def clearStrategies(self) -> NoReturn:
        """Refuse to forget the similarities."""
        _refuse("clearStrategies", "similarities")

    def _switch(self, mode: str, ks: tuple[int, ...] | None, sigma: float | None) -> None:
        usual = MODES[mode]
        self._config = replace(
            usual,
            ks=usual.ks if ks is None else ks,
            sigma=usual.sigma if sigma is None else sigma,
            working_width=None,
            min_side=self._min_side,
        )


def _scales(base_k: int | None, inc_k: int | None, count: int) -> tuple[int, ...] | None:
    if base_k is None and inc_k is None:
        return None
    first, step = _K if base_k is None else base_k, _STEP if inc_k is None else inc_k
    check_whole("base_k", first, 1)
    check_whole("inc_k", step, 1)
    return tuple(range(first, first + count * step, step))


def _refuse(method: str, setting: str) -> NoReturn:
    raise NotImplementedError(
        f"{method} takes parts of OpenCV's engine, which this one has not: give {setting} of"
        " proposals.SelectiveSearchConfig to proposals.SelectiveSearch"
    )
