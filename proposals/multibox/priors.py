"""Prior boxes: where MultiBox starts from; the network predicts what to add to them.

Priors are ``(K, 4)`` float32 arrays of x1, y1, x2, y2 in shares of the image's width and height,
so that a box over the whole image is (0, 0, 1, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class PriorLevel(NamedTuple):
    """The priors of one grid.

    ``sides`` are square roots of areas, in shares of the image; each stands at every cell in
    every aspect.
    """

    sides: tuple[float, ...]
    aspects: tuple[float, ...]  # width / height, both in shares of the image

    @property
    def per_cell(self) -> int:
        """Number of priors at a cell."""
        return len(self.sides) * len(self.aspects)


def grid_priors(grids: Sequence[int], levels: Sequence[PriorLevel]) -> FloatArray:
    """Return priors that stand at the cells of square grids (Szegedy et al. 2014, SHQ).

    Parameters
    ----------
    grids : sequence of int
        Cells along a side of each level.
    levels : sequence of PriorLevel
        Of the same length.

    Returns
    -------
    ndarray, (K, 4) float32
        Level by level, cell by cell in rows, at a cell side by side and aspect by aspect.
        Priors may stand over the border.
    """
    return np.concatenate(
        [_level_priors(grid, level) for grid, level in zip(grids, levels, strict=True)]
    )


def _level_priors(grid: int, level: PriorLevel) -> FloatArray:
    centres = (np.arange(grid) + 0.5) / grid
    y, x = np.meshgrid(centres, centres, indexing="ij")  # (g, g) each
    sides, aspects = np.meshgrid(level.sides, level.aspects, indexing="ij")
    half_width = (sides * np.sqrt(aspects) / 2).ravel()  # (A,)
    half_height = (sides / np.sqrt(aspects) / 2).ravel()
    edges = [
        x[:, :, None] - half_width,
        y[:, :, None] - half_height,
        x[:, :, None] + half_width,
        y[:, :, None] + half_height,
    ]
    return np.stack(edges, axis=-1).reshape(-1, 4).astype(np.float32)


def kmeans_priors(boxes: FloatArray, count: int, *, seed: int = 0, rounds: int = 50) -> FloatArray:
    """Return the centroids of training boxes, as the paper has its priors.

    Parameters
    ----------
    boxes : ndarray, (N, 4) float32
        In shares of the image.
    count : int
        Number of priors, at most N.
    seed : int
        Of the first centroids, which are boxes drawn at random.
    rounds : int
        Most rounds of Lloyd's algorithm.

    Raises
    ------
    ValueError
        If there are fewer different boxes than priors.
    """
    from scipy.cluster.vq import kmeans2

    unique = np.unique(boxes, axis=0)
    if len(unique) < count:
        raise ValueError(f"{count} priors need as many different boxes, but got {len(unique)}")
    first = unique[np.random.RandomState(seed).permutation(len(unique))[:count]]
    # A centroid that loses its last box stays where it is.
    centroids, _ = kmeans2(
        boxes.astype(np.float64),
        first.astype(np.float64),
        iter=rounds,
        minit="matrix",
        missing="raise",
    )
    return np.asarray(centroids, np.float32)
