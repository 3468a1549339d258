"""Average precisions on images drawn with replacement, by which two results are compared.

Detections are matched to objects once: what an image's detections find does not depend on the
other images. A bootstrap resample is then a weight for each image's rows, and an average
precision a weighted one.

What resamples say of a difference holds; of one mAP it does not (`detector.scoring.interval`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.scoring.average_precision import RECALL_LEVELS
from detector.scoring.outcomes import Outcomes
from detector.scoring.records import (
    BoolArray,
    DoubleArray,
    IntArray,
)
from foundation.kernels import kernel
from proposals.evaluation.bootstrap import Interval

_TOGETHER: Final = 64  # resamples that the kernel goes through side by side

Times = NDArray[np.int32]


def bootstrap_outcomes(
    outcomes: Outcomes, class_ids: Iterable[int], *, seed: int, resamples: int = 1000
) -> DoubleArray:
    """Return the mAP of bootstrap resamples: images drawn with replacement.

    The same seed and number of images give the same resamples, whatever was predicted: the
    difference of two results is a paired one.

    Parameters
    ----------
    outcomes : Outcomes
        Of any protocol.
    class_ids : iterable of int
        A class without objects in a resample is left out of its mean.
    seed : int
    resamples : int

    Returns
    -------
    (resamples,) float64 array
        As `score_outcomes` gives on the images of a resample, each as often as it was drawn; nan
        where none of them holds an object.

    Raises
    ------
    ValueError
        If there is no image.
    """
    return mean_of_known(bootstrap_classes(outcomes, class_ids, seed=seed, resamples=resamples))


def bootstrap_classes(
    outcomes: Outcomes, class_ids: Iterable[int], *, seed: int, resamples: int = 1000
) -> DoubleArray:
    """Return the average precisions whose mean `bootstrap_outcomes` gives.

    Returns
    -------
    (C, resamples) float64 array
        In the order of the classes; nan for a class without objects in a resample.

    Raises
    ------
    ValueError
        If there is no image.
    """
    if outcomes.image_count < 1:
        raise ValueError(f"image_count must be at least 1 but got {outcomes.image_count}")
    classes = list(_ranked_by_class(outcomes, class_ids))
    levels = RECALL_LEVELS[outcomes.protocol]
    parts = [np.zeros((len(classes), 0))]
    for times in _resamples(outcomes.image_count, seed, resamples):
        aps = [_average_precisions(times, *one, levels) for one in classes]
        parts.append(np.array(aps).reshape(len(classes), times.shape[1]))
    return np.concatenate(parts, axis=1)


def percentile_interval(estimate: float, resampled: DoubleArray) -> Interval:
    """Return a difference with the 95 % interval of its resampled values, nan left out.

    The bounds are percentiles, moved where they do not hold the estimate.
    """
    known = resampled[~np.isnan(resampled)]
    if len(known) == 0:
        return Interval(estimate, nan, nan)
    low, high = np.quantile(known, [0.025, 0.975]).tolist()
    return Interval(estimate, min(low, estimate), max(high, estimate))


def _resamples(image_count: int, seed: int, resamples: int) -> Iterator[Times]:
    """Yield how often each image (I,) is in each of some sets, as (I, sets)."""
    random = np.random.default_rng(seed)
    for start in range(0, resamples, _TOGETHER):
        times = np.empty((image_count, min(_TOGETHER, resamples - start)), np.int32)
        for column in range(times.shape[1]):
            drawn = random.integers(image_count, size=image_count)
            times[:, column] = np.bincount(drawn, minlength=image_count)
        yield times


def _ranked_by_class(
    outcomes: Outcomes, class_ids: Iterable[int]
) -> Iterator[tuple[IntArray, BoolArray, IntArray]]:
    """Yield, of each class, image and outcome (D,) of its detections by descending score.

    With them go the images (G,) of its objects.
    """
    ranking = np.argsort(-outcomes.scores, kind="stable")
    rows = ranking[np.argsort(outcomes.class_ids[ranking], kind="stable")]  # by class, then rank
    ids = outcomes.class_ids[rows]
    objects = np.argsort(outcomes.object_class_ids, kind="stable")
    object_ids = outcomes.object_class_ids[objects]
    for class_id in dict.fromkeys(class_ids):
        start, stop = np.searchsorted(ids, [class_id, class_id + 1])
        first, last = np.searchsorted(object_ids, [class_id, class_id + 1])
        of_class = rows[start:stop]
        object_images = outcomes.object_image_indices[objects[first:last]]
        yield outcomes.image_indices[of_class], outcomes.found[of_class], object_images


def mean_of_known(aps: DoubleArray) -> DoubleArray:
    """Return the means (sets,) over the classes (C, sets), nan left out; nan where all are nan."""
    known = ~np.isnan(aps)
    counts = known.sum(axis=0)
    sums = np.where(known, aps, 0.0).sum(axis=0)
    means: DoubleArray = np.divide(sums, counts, out=np.full(len(sums), nan), where=counts > 0)
    return means


@kernel
def _average_precisions(
    times: Times,  # (I, sets)
    images: IntArray,  # (D,) of each detection, by descending score
    found: BoolArray,  # (D,)
    object_images: IntArray,  # (G,)
    levels: DoubleArray,  # (L,) of recall; none for the area
) -> DoubleArray:
    """Return the AP of one class in each set, where image i counts ``times[i]`` times.

    From the last detection to the first, so that the envelope is the highest precision so far.
    Copies of a detection stand side by side. Those of a hit raise the precision one by one, so
    that the last of them alone decides the envelope at all of them.
    """
    objects = _sum_of(times, object_images)
    seen = _sum_of(times, images)
    hits = _sum_of(times, images[found])
    envelope, sums = np.zeros(len(seen)), np.zeros(len(seen))
    for d in range(len(images) - 1, -1, -1):
        weights = times[images[d]]
        if found[d]:
            for s in range(len(seen)):
                envelope[s] = max(envelope[s], hits[s] / max(seen[s], 1))
                before = hits[s] - weights[s]
                if weights[s] > 0:
                    sums[s] += envelope[s] * _steps(before, hits[s], objects[s], levels)
                hits[s] = before
        for s in range(len(seen)):
            seen[s] -= weights[s]
    for s in range(len(seen)):
        sums[s] = sums[s] / (len(levels) or objects[s]) if objects[s] > 0 else np.nan
    return sums


@kernel
def _sum_of(times: Times, images: IntArray) -> Times:
    """Return how often the images (N,) stand in each set together: (sets,)."""
    total = np.zeros(times.shape[1], np.int32)
    for image in images:
        for s in range(len(total)):
            total[s] += times[image, s]
    return total


@kernel
def _steps(before: int, after: int, objects: int, levels: DoubleArray) -> int:
    """Return how often the envelope counts between two numbers of objects found.

    Once an object for the area; else once a level of recall that is reached, the first of which
    is 0: it is reached by the first object.
    """
    if len(levels) == 0:
        return after - before
    reached = np.searchsorted(levels, after / objects, side="right")
    if before > 0:
        reached -= np.searchsorted(levels, before / objects, side="right")
    return int(reached)
