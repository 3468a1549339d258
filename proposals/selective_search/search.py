"""Selective Search (Uijlings et al., IJCV 2013) as R-CNN and GoogLeNet call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.checks import LARGEST_SEED, check_finite, check_whole
from foundation.processors import available_processors
from proposals.images import ImageLike, as_rgb_uint8
from proposals.result import Proposals
from proposals.selective_search.colour import COLOUR_SPACES, convert
from proposals.selective_search.features import (
    Regions,
    describe_regions,
    neighbours,
)
from proposals.selective_search.grouping import SIMILARITIES, group
from proposals.selective_search.pixel_graph import PixelGraph, pixel_graph
from proposals.selective_search.segmentation import segment_graph
from proposals.selective_search.texture import texture_levels
from proposals.selective_search.working_size import to_frame, to_width

_WITHOUT_COLOUR = ("texture", "size", "fill")
_PIXELS_AT_ONCE = 32_000_000  # of all colour spaces in work; bounds the memory of large images


@dataclass(frozen=True)
class SelectiveSearchConfig:
    """What is combined: each colour space with each k and each similarity is one hierarchy.

    Attributes
    ----------
    ks : tuple of int
        Scales of the initial segmentation: the k of Felzenszwalb & Huttenlocher and at the
        same time the smallest region in pixels.
    colour_spaces : tuple of str
        Out of `proposals.selective_search.colour.COLOUR_SPACES`.
    similarities : tuple of tuple of str
        Each the terms of one similarity, out of `proposals.selective_search.grouping.SIMILARITIES`.
    sigma : float
        Smoothing before the segmentation, in pixels.
    texture_sigma : float
        Scale of the texture's Gaussian derivatives, in pixels (paper: 1).
    working_width : int or None
        Width in pixels that images are brought to first, larger or smaller; None leaves
        them as they are.
    min_side : int
        Boxes with a shorter side, in pixels of the working image, are dropped.

    Raises
    ------
    ValueError
        If a setting is impossible or of another type; lists are taken for tuples.
    """

    ks: tuple[int, ...]
    colour_spaces: tuple[str, ...] = ("hsv", "lab")
    similarities: tuple[tuple[str, ...], ...] = (SIMILARITIES, _WITHOUT_COLOUR)
    sigma: float = 0.8
    texture_sigma: float = 1.0
    working_width: int | None = 500
    min_side: int = 20

    def __post_init__(self) -> None:
        object.__setattr__(self, "ks", _as_tuple(self.ks))
        object.__setattr__(self, "colour_spaces", _as_tuple(self.colour_spaces))
        object.__setattr__(self, "similarities", _as_tuple(self.similarities, _as_tuple))
        _require(_is_filled(self.ks), "ks must be one or more numbers, such as (50, 100)", self.ks)
        for k in self.ks:
            check_whole("each of ks", k, 1)
        _require(
            _are_out_of(self.colour_spaces, tuple(COLOUR_SPACES)),
            f"colour_spaces must be out of {tuple(COLOUR_SPACES)}",
            self.colour_spaces,
        )
        _require(
            _is_filled(self.similarities)
            and all(_are_out_of(terms, SIMILARITIES) for terms in self.similarities),
            f"similarities must be tuples of terms out of {SIMILARITIES}",
            self.similarities,
        )
        check_finite("sigma", self.sigma)
        check_finite("texture_sigma", self.texture_sigma, above_zero=True)
        if self.working_width is not None:
            check_whole("working_width", self.working_width, 1)
        check_whole("min_side", self.min_side, 0)


def _require(condition: bool, rule: str, value: object) -> None:
    if not condition:
        raise ValueError(f"{rule}, but got {value!r}")


def _as_tuple(value: Any, inner: Callable[[Any], Any] = lambda part: part) -> Any:  # noqa: ANN401
    """Return a list, as JSON has them, as a tuple; all else is left to the checks."""
    return tuple(map(inner, value)) if isinstance(value, list | tuple) else value


def _is_filled(value: object) -> bool:
    return isinstance(value, tuple) and len(value) > 0


def _are_out_of(names: tuple[str, ...], known: tuple[str, ...]) -> bool:
    return _is_filled(names) and all(name in known for name in names)


MODES: Mapping[str, SelectiveSearchConfig] = MappingProxyType(
    {
        # GoogLeNet, section 7: superpixels of twice R-CNN's size. The paper gives no numbers; both
        # k and the smallest region are doubled.
        "doubled": SelectiveSearchConfig(ks=(100, 200)),
        # R-CNN's call, «fast» in Selective Search's own code.
        "fast": SelectiveSearchConfig(ks=(50, 100)),
        # The paper's single strategy and its 80, in the names of the published code.
        "single": SelectiveSearchConfig(
            ks=(100,), colour_spaces=("hsv",), similarities=(SIMILARITIES,)
        ),
        "quality": SelectiveSearchConfig(
            ks=(50, 100, 150, 300),
            colour_spaces=("hsv", "lab", "rgi", "h", "intensity"),
            similarities=(SIMILARITIES, _WITHOUT_COLOUR, ("fill",), ("size",)),
        ),
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
        _require(
            isinstance(mode, SelectiveSearchConfig) or (isinstance(mode, str) and mode in MODES),
            f"mode must be one of {', '.join(MODES)}, or a SelectiveSearchConfig",
            mode,
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
        hierarchies = _hierarchies(working, self.config, self.threads)
        boxes, keys = _ranked(hierarchies, self.config.min_side, self.seed)
        first = _first_occurrences(boxes, working.shape[1])
        framed = to_frame(boxes[first], working.shape[:2], image_size)
        return Proposals.of_one_source(framed, image_size, "selective_search", -keys[first])


class _Hierarchy(NamedTuple):
    """Boxes of one hierarchy; those of the initial regions only where they are new."""

    initial: NDArray[np.int32]  # (n or 0, 4)
    merged: NDArray[np.int32]  # (m, 4) in the order of joining


def _hierarchies(
    working: NDArray[np.uint8], config: SelectiveSearchConfig, threads: int
) -> list[_Hierarchy]:
    """Build all hierarchies: by colour space, in that by k, in that by similarity."""
    at_once = max(1, _PIXELS_AT_ONCE // (working.shape[0] * working.shape[1]))
    found: list[_Hierarchy] = []
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(config.colour_spaces), at_once):
            spaces = config.colour_spaces[start : start + at_once]
            found += _hierarchies_of(spaces, working, config, pool)
    return found


def _hierarchies_of(
    spaces: Sequence[str],
    working: NDArray[np.uint8],
    config: SelectiveSearchConfig,
    pool: ThreadPoolExecutor,
) -> list[_Hierarchy]:
    """Build the hierarchies of some colour spaces, in as many jobs as there are parts.

    Jobs wait for others, but only for such as were submitted before; and those have been
    begun before. So there is always one that need not wait.
    """
    planes = [pool.submit(convert, working, space) for space in spaces]
    graphs = [pool.submit(_graph_job, image, config) for image in planes]
    levels = [pool.submit(_texture_job, image, config) for image in planes]
    labels = [[pool.submit(_segment_job, graph, k) for k in config.ks] for graph in graphs]
    regions = [
        pool.submit(_describe_job, *parts) for parts in zip(labels, planes, levels, strict=True)
    ]
    pairs = [[pool.submit(_neighbours_job, one) for one in of_space] for of_space in labels]
    area = working.shape[0] * working.shape[1]
    groupings = [
        pool.submit(_group_job, regions[space], pairs[space][k], k, index == 0, area, terms)
        for space in range(len(spaces))
        for k in range(len(config.ks))
        for index, terms in enumerate(config.similarities)
    ]
    return [grouping.result() for grouping in groupings]


def _graph_job(planes: Future[NDArray[np.uint8]], config: SelectiveSearchConfig) -> PixelGraph:
    return pixel_graph(planes.result(), min(config.ks), config.sigma)


def _texture_job(
    planes: Future[NDArray[np.uint8]], config: SelectiveSearchConfig
) -> NDArray[np.uint8]:
    return texture_levels(planes.result(), config.texture_sigma)


def _segment_job(graph: Future[PixelGraph], k: int) -> NDArray[np.int32]:
    return segment_graph(graph.result(), k, min_size=k)


def _describe_job(
    labels: Sequence[Future[NDArray[np.int32]]],
    planes: Future[NDArray[np.uint8]],
    levels: Future[NDArray[np.uint8]],
) -> list[Regions]:
    return describe_regions([one.result() for one in labels], planes.result(), levels.result())


def _neighbours_job(labels: Future[NDArray[np.int32]]) -> NDArray[np.int32]:
    return neighbours(labels.result())


def _group_job(
    regions: Future[list[Regions]],
    pairs: Future[NDArray[np.int32]],
    k: int,
    first: bool,
    area: int,
    similarity: Sequence[str],
) -> _Hierarchy:
    """Build one hierarchy of the segmentation by the k of that place.

    The initial boxes go with the first hierarchy of a segmentation.
    """
    of_k = regions.result()[k]
    initial = of_k.boxes if first else of_k.boxes[:0]
    return _Hierarchy(initial, group(of_k, pairs.result(), area, similarity))


def _ranked(
    hierarchies: Sequence[_Hierarchy], min_side: int, seed: int
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
