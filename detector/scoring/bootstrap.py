"""How far the mAP of ILSVRC DET would move with other images, by bootstrap.

Detections are matched to objects once: what an image's detections find does not depend on the
other images. A drawn set of images is then a weight for each image's rows, and an average
precision a weighted one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan

import numpy as np

from detector.scoring.ilsvrc import counting_rows
from detector.scoring.matching import find_objects
from detector.scoring.records import Blacklist, DoubleArray, GroundTruth, IntArray, Predictions
from proposals.bootstrap import Interval


def bootstrap_map(
    ground_truth: GroundTruth,
    predictions: Predictions,
    class_ids: Iterable[int],
    blacklist: Blacklist = frozenset(),
    *,
    image_count: int,
    seed: int,
    resamples: int = 1000,
) -> DoubleArray:
    """Return the mAP of sets of images that are drawn with replacement.

    The same seed and number of images draw the same sets, whatever the predictions: the
    difference of two results is a paired one.

    Parameters
    ----------
    ground_truth, predictions, class_ids, blacklist
        As in `score`; a class without objects in a drawn set is left out of its mean.
    image_count : int
        Number of images, those without objects and detections too.
    seed : int
    resamples : int

    Returns
    -------
    (resamples,) float64 array
        As `score` gives on the drawn images, each as often as it was drawn; nan where none of
        them holds an object.

    Raises
    ------
    ValueError
        If there is no image, or an object or a detection is of an image beyond their number.
    """
    _check_images(image_count, ground_truth.image_indices, predictions.image_indices)
    wanted = tuple(dict.fromkeys(class_ids))
    ground_truth, predictions = counting_rows(ground_truth, predictions, wanted, blacklist)
    classes = _ranked_by_class(ground_truth, predictions, wanted)
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    for number in range(resamples):
        drawn = random.integers(image_count, size=image_count)
        times = np.bincount(drawn, minlength=image_count)  # (images,)
        known = [ap for one in classes if (ap := one.average_precision(times)) is not None]
        means[number] = sum(known) / len(known) if known else nan
    return means


def percentile_interval(estimate: float, resampled: DoubleArray) -> Interval:
    """Return a figure with the 95 % interval of its resampled values, nan left out."""
    known = resampled[~np.isnan(resampled)]
    if len(known) == 0:
        return Interval(estimate, nan, nan)
    low, high = np.quantile(known, [0.025, 0.975]).tolist()
    return Interval(estimate, low, high)


@dataclass(frozen=True, eq=False)
class _RankedClass:
    """The detections of one class by descending score, and its objects."""

    images: IntArray  # (D,) of each detection
    hits: IntArray  # (H,) places in the ranking that find an object
    object_images: IntArray  # (G,)

    def average_precision(self, times: IntArray) -> float | None:
        """Return the AP where image i counts ``times[i]`` times; None without objects.

        Copies of a detection stand side by side. Those of a hit raise the precision one by
        one, so that the last of them alone decides the envelope at all of them.
        """
        objects = int(times[self.object_images].sum())
        if objects == 0:
            return None
        seen = np.cumsum(times[self.images])[self.hits]  # (H,)
        weights = times[self.images[self.hits]]
        precision = np.cumsum(weights) / np.maximum(seen, 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(weights * envelope) / objects)


def _ranked_by_class(
    ground_truth: GroundTruth, predictions: Predictions, wanted: Iterable[int]
) -> list[_RankedClass]:
    found = find_objects(ground_truth, predictions)
    ranking = np.argsort(-predictions.scores, kind="stable")
    ranked_ids = predictions.class_ids[ranking]
    classes = []
    for class_id in wanted:
        rows = ranking[ranked_ids == class_id]
        classes.append(
            _RankedClass(
                images=predictions.image_indices[rows],
                hits=np.flatnonzero(found[rows]),
                object_images=ground_truth.image_indices[ground_truth.class_ids == class_id],
            )
        )
    return classes


def _check_images(image_count: int, *image_indices: IntArray) -> None:
    if image_count < 1:
        raise ValueError(f"image_count must be at least 1 but got {image_count}")
    for indices in image_indices:
        if len(indices) and indices.max() >= image_count:
            raise ValueError(
                f"image_count must exceed every image index but got {image_count} and image"
                f" {indices.max()}"
            )
