"""Selective Search (Uijlings et al., IJCV 2013) as R-CNN and GoogLeNet call it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foundation.checks import LARGEST_SEED, check_whole
from foundation.processors import available_processors
from proposals.images import ImageLike, as_rgb_uint8
from proposals.result import Proposals
from proposals.selective_search.config import MODES, SelectiveSearchConfig
from proposals.selective_search.hierarchies import Hierarchy, build_hierarchies
from proposals.selective_search.working_size import to_frame, to_width


class SelectiveSearch:
    """Propose boxes that may hold an object, of any class.

    Superpixels are joined to ever larger regions by how alike and how close they are; each
    region that ever existed gives a box. Several colour spaces, similarities and sizes of
    superpixels make up for one another's failures.

    Parameters
    ----------
    mode : str or SelectiveSearchConfig
        A name out of `MODES`, or a configuration of your own.
    seed : int
        Of the random part of the ranking, 0 to 2^32 - 1. The same pixels and seed give the same
        boxes, on every run and with any number of threads; docs/choices.md says on which
        platforms that was measured.
    threads : int, optional
        Threads that share one image; as many as there are processors for this process
        (`foundation.processors`) when left out. A search may also be called from several
        threads at a time.

    Raises
    ------
    ValueError
        If a setting is impossible or of another type.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from proposals import SelectiveSearch
    >>> found = SelectiveSearch()(astronaut())
    >>> found.boxes_xyxy.shape[1]
    4
    """

    def __init__(
        self,
        mode: str | SelectiveSearchConfig = "doubled",
        *,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        known = isinstance(mode, SelectiveSearchConfig) or (isinstance(mode, str) and mode in MODES)
        if not known:
            names = ", ".join(MODES)
            raise ValueError(
                f"mode must be one of {names}, or a SelectiveSearchConfig, but got {mode!r}"
            )
        check_whole("seed", seed, 0, LARGEST_SEED)
        if threads is not None:
            check_whole("threads", threads, 1)
        self.config = MODES[mode] if isinstance(mode, str) else mode
        self.seed = seed
        self.threads = threads or available_processors()

    def __call__(self, image: ImageLike) -> Proposals:
        """Propose boxes for one image.

        Parameters
        ----------
        image : str, path, PIL.Image.Image or ndarray
            As `proposals.images.as_rgb_uint8` takes it; arrays are RGB.

        Returns
        -------
        Proposals
            Best first, in pixels of ``image``; none when nothing in it is large enough.
            Scores are the negated sort keys of the ranking, for their order alone.

        Raises
        ------
        ImageError
            If the array or the file is no picture.
        """
        rgb = as_rgb_uint8(image)
        image_size = (rgb.shape[0], rgb.shape[1])
        width = self.config.working_width
        working = rgb if width is None else to_width(rgb, width)
        hierarchies = build_hierarchies(working, self.config, self.threads)
        boxes, keys = _ranked(hierarchies, self.config.min_side, self.seed)
        first = _first_occurrences(boxes, working.shape[1])
        framed = to_frame(boxes[first], working.shape[:2], image_size)
        return Proposals.of_one_source(framed, image_size, "selective_search", -keys[first])


def _ranked(
    hierarchies: Sequence[Hierarchy], min_side: int, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Order the boxes of all hierarchies, large regions first on the whole.

    In a hierarchy of m joins the last has priority 1, the first m, and initial regions
    m + 1; boxes are sorted by priority times a random number of [0, 1) (SS code,
    RunSelectiveSearch). Returns the boxes that are large enough, and those products.
    """
    parts, priorities = [], []
    for initial, merged in hierarchies:
        parts += [initial, merged]
        priorities += [np.full(len(initial), len(merged) + 1), np.arange(len(merged), 0, -1)]
    boxes = np.concatenate(parts)
    # RandomState, since numpy promises that its numbers never change between versions.
    keys = np.concatenate(priorities) * np.random.RandomState(seed).random_sample(len(boxes))
    large = ((boxes[:, 2:] - boxes[:, :2]) >= min_side).all(axis=1)
    boxes, keys = boxes[large], keys[large]
    order = np.argsort(keys, kind="stable")
    return boxes[order], keys[order]


def _first_occurrences(boxes: NDArray[np.int32], width: int) -> NDArray[np.intp]:
    """Return the ascending indices of the first of each set of identical boxes.

    A box is packed into one number, the places of its two corners in the image.
    """
    wide = boxes.astype(np.int64)
    corners = wide[:, 1::2] * (width + 1) + wide[:, ::2]  # (N, 2)
    _, first = np.unique(corners[:, 0] << 32 | corners[:, 1], return_index=True)
    return np.sort(first)
