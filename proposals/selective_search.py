"""Selective Search (Uijlings et al., IJCV 2013) as R-CNN and GoogLeNet call it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from proposals.boxes import clip_boxes, first_occurrences
from proposals.colour import COLOUR_SPACES, convert
from proposals.features import describe_regions, neighbours, texture_bins
from proposals.grouping import SIMILARITIES, group
from proposals.images import as_rgb_uint8
from proposals.result import Proposals
from proposals.segmentation import PixelGraph, pixel_graph, segment_graph

_WITHOUT_COLOUR = ("texture", "size", "fill")
_TALLEST = 4  # working images are at most this many times as tall as wide


@dataclass(frozen=True)
class SelectiveSearchConfig:
    """What is combined: each colour space with each k and each similarity is one hierarchy.

    Attributes
    ----------
    ks : tuple of int
        Scales of the initial segmentation: the k of Felzenszwalb & Huttenlocher and at the
        same time the smallest region in pixels.
    colour_spaces : tuple of str
        Out of `proposals.colour.COLOUR_SPACES`.
    similarities : tuple of tuple of str
        Each the terms of one similarity, out of `proposals.grouping.SIMILARITIES`.
    sigma : float
        Smoothing before the segmentation, in pixels.
    texture_sigma : float
        Scale of the texture's Gaussian derivatives, in pixels (paper: 1).
    working_width : int
        Width in pixels that images are brought to first, larger or smaller.
    min_side : int
        Boxes with a shorter side, in pixels of the working image, are dropped.
    """

    ks: tuple[int, ...]
    colour_spaces: tuple[str, ...] = ("hsv", "lab")
    similarities: tuple[tuple[str, ...], ...] = (SIMILARITIES, _WITHOUT_COLOUR)
    sigma: float = 0.8
    texture_sigma: float = 1.0
    working_width: int = 500
    min_side: int = 20

    def __post_init__(self) -> None:
        _require(
            bool(self.ks) and min(self.ks) >= 1, "ks must be one or more numbers >= 1", self.ks
        )
        _require(
            bool(self.colour_spaces) and set(self.colour_spaces) <= set(COLOUR_SPACES),
            f"colour_spaces must be out of {tuple(COLOUR_SPACES)}",
            self.colour_spaces,
        )
        _require(
            bool(self.similarities)
            and all(terms and set(terms) <= set(SIMILARITIES) for terms in self.similarities),
            f"similarities must be tuples of terms out of {SIMILARITIES}",
            self.similarities,
        )
        _require(self.sigma >= 0, "sigma must be 0 or more", self.sigma)
        _require(self.texture_sigma > 0, "texture_sigma must be above 0", self.texture_sigma)
        _require(self.working_width >= 1, "working_width must be 1 or more", self.working_width)
        _require(self.min_side >= 0, "min_side must be 0 or more", self.min_side)


def _require(condition: bool, rule: str, value: object) -> None:
    if not condition:
        raise ValueError(f"{rule}, but got {value!r}")


MODES: Mapping[str, SelectiveSearchConfig] = MappingProxyType(
    {
        # GoogLeNet, section 7: superpixels of twice R-CNN's size. The paper gives no numbers; both
        # k and the smallest region are doubled.
        "doubled": SelectiveSearchConfig(ks=(100, 200)),
        # R-CNN's call, «fast» in Selective Search's own code.
        "fast": SelectiveSearchConfig(ks=(50, 100)),
    }
)
"""Configurations by name."""


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
        Of the random part of the ranking. The same image and seed give the same boxes, on
        every run, platform and number of threads.
    threads : int, optional
        Threads that share one image; as many as there are processors when left out.

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
        if isinstance(mode, str) and mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, but got '{mode}'")
        _require(threads is None or threads >= 1, "threads must be 1 or more", threads)
        self.config = MODES[mode] if isinstance(mode, str) else mode
        self.seed = seed
        self.threads = threads or os.cpu_count() or 1

    def __call__(self, image: NDArray[Any]) -> Proposals:
        """Propose boxes for one image.

        Parameters
        ----------
        image : ndarray, (H, W, 3) uint8
            RGB; grey and other types as `proposals.images.as_rgb_uint8` takes them.

        Returns
        -------
        Proposals
            Best first, in pixels of ``image``; none when nothing in it is large enough.
        """
        rgb = as_rgb_uint8(image)
        image_size = (rgb.shape[0], rgb.shape[1])
        working = _resized(rgb, self.config.working_width)
        ranked = _ranked(self._hierarchies(working), self.seed)  # (M, 4) int32
        sides = ranked[:, 2:] - ranked[:, :2]
        large = ranked[(sides >= self.config.min_side).all(axis=1)]
        unique = large[first_occurrences(large)]
        boxes = _to_frame(unique, working.shape[:2], image_size)
        return Proposals.of_one_source(boxes, image_size, "selective_search")

    def _hierarchies(self, working: NDArray[np.uint8]) -> list[_Hierarchy]:
        config = self.config
        with ThreadPoolExecutor(self.threads) as pool:
            prepared = list(pool.map(lambda s: _prepare(working, s, config), config.colour_spaces))
            jobs = [(channels, k) for channels in prepared for k in config.ks]
            found = pool.map(lambda job: _grow(job[0], job[1], config.similarities), jobs)
            return [hierarchy for hierarchies in found for hierarchy in hierarchies]


class _Channels(NamedTuple):
    """All that one colour space gives, whatever k: shared by its segmentations."""

    image: NDArray[np.uint8]  # (H, W, 3)
    bins: NDArray[np.uint8]  # (H, W, 24)
    graph: PixelGraph


class _Hierarchy(NamedTuple):
    """Boxes of one hierarchy; those of the initial regions only where they are new."""

    initial: NDArray[np.int32]  # (n or 0, 4)
    merged: NDArray[np.int32]  # (m, 4) in the order of joining


def _resized(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Bring an image to ``width`` as MATLAB's imresize does, by antialiased bicubic.

    Pillow does it in whole numbers, so it comes out the same everywhere. Very tall images
    are kept to a bounded number of pixels.
    """
    old_height, old_width = image.shape[:2]
    scale = min(width / old_width, _TALLEST * width / old_height)
    size = (max(1, round(old_width * scale)), max(1, round(old_height * scale)))
    if size == (old_width, old_height):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def _prepare(
    working: NDArray[np.uint8], colour_space: str, config: SelectiveSearchConfig
) -> _Channels:
    image = convert(working, colour_space)
    return _Channels(
        image, texture_bins(image, config.texture_sigma), pixel_graph(image, config.sigma)
    )


def _grow(channels: _Channels, k: int, similarities: Sequence[Sequence[str]]) -> list[_Hierarchy]:
    """Segment once and build one hierarchy a similarity; initial boxes go with the first."""
    labels = segment_graph(channels.graph, k, min_size=k)
    regions = describe_regions(labels, channels.image, channels.bins)
    pairs = neighbours(labels)
    merged = [group(regions, pairs, labels.size, terms) for terms in similarities]
    none = regions.boxes[:0]
    return [
        _Hierarchy(none if index else regions.boxes, boxes) for index, boxes in enumerate(merged)
    ]


def _ranked(hierarchies: Sequence[_Hierarchy], seed: int) -> NDArray[np.int32]:
    """Order the boxes of all hierarchies, large regions first on the whole.

    In a hierarchy of m joins the last has priority 1, the first m, and initial regions
    m + 1; boxes are sorted by priority times a random number of [0, 1) (SS code,
    RunSelectiveSearch).
    """
    boxes, priorities = [], []
    for initial, merged in hierarchies:
        boxes += [initial, merged]
        priorities += [np.full(len(initial), len(merged) + 1), np.arange(len(merged), 0, -1)]
    # RandomState, since numpy promises that its numbers never change between versions.
    draws = np.random.RandomState(seed).random_sample(sum(map(len, boxes)))
    order = np.argsort(np.concatenate(priorities) * draws, kind="stable")
    return np.concatenate(boxes)[order]


def _to_frame(
    boxes: NDArray[np.int32], working_size: tuple[int, int], image_size: tuple[int, int]
) -> NDArray[np.float32]:
    scale_y, scale_x = (old / new for old, new in zip(image_size, working_size, strict=True))
    scaled = boxes * np.array([scale_x, scale_y, scale_x, scale_y])
    return clip_boxes(scaled.astype(np.float32), image_size)
