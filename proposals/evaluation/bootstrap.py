"""How sure the difference between two generators is on as few images as a data set has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Interval:
    """A figure with the bounds of its 95 % confidence interval."""

    estimate: float
    low: float
    high: float


def paired_difference(
    gains: NDArray[np.float64],
    object_counts: NDArray[np.int64],
    *,
    seed: int,
    resamples: int = 2000,
) -> Interval:
    """Return the mean gain an object with its 95 % interval, by bootstrap over images.

    Images are drawn with replacement, each with all its objects and for both generators at
    once, since the objects of an image are not independent. The bounds are percentiles.

    Parameters
    ----------
    gains : ndarray, (G,) float64
        What one generator has more than another on each object.
    object_counts : ndarray, (I,) int64
        Objects of each image, whose order the gains follow.
    seed : int
        The same seed gives the same interval.
    resamples : int

    Returns
    -------
    Interval
        NaN without objects.
    """
    counts = object_counts[object_counts > 0]  # other images change neither sum
    if len(counts) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    starts = np.cumsum(counts) - counts
    sums = np.add.reduceat(gains, starts)  # (images,)
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    for i in range(resamples):
        drawn = random.integers(len(counts), size=len(counts))
        means[i] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return Interval(float(gains.mean()), low, high)
