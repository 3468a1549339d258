"""How far an average precision is from what other images would give, without resampling.

What the interval is of: the mAP that sets of as many images, drawn from where these come from,
have on average. It is not the limit of ever more images, which lies below it where classes are
rare: among few images, few false detections happen to rank above an object.

A bootstrap puts copies of an image beside each other, and an object with its copies is found at a
higher precision than among other objects. Where most classes have a handful of objects, all
resamples lie above the mAP itself. Here, no image is copied:

1. An average precision, as a function of how much each image weighs, has a derivative for each
   image. The sum of their squares is its variance (infinitesimal jackknife; Jaeckel 1972, Efron
   1982). Sums over classes of one image keep what classes have in common.
2. Of few images with objects, derivatives show too little of the variance; of a single one, next to
   nothing. As in Jeffreys' prior of a share, half an image whose objects are all found and half an
   image of which none is are added to each class.
3. The bounds are Wilson's (1927) for a share whose variance is that one, by the quantile of
   Student's t with Satterthwaite's (1946) degrees of freedom; a class has as many as it has images
   with the added ones. They lie within 0 and 1 and hold the estimate, also where all objects are
   found, or none.

`docs/reliability.md` has the coverage that was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan, sqrt
from typing import Final, NamedTuple

import numpy as np

from detector.scoring.average_precision import Score
from detector.scoring.outcomes import Outcomes
from detector.scoring.records import BoolArray, DoubleArray, IntArray
from proposals.evaluation.bootstrap import Interval

FEW_OBJECTS: Final = 20
"""A class of fewer objects widens the interval, and makes the mAP hard to compare."""
TOO_FEW_OBJECTS: Final = 10
"""A class of fewer objects is not named as one that a detector does well or badly."""

_NAMED: Final = 10  # classes in a sentence
_LEVEL: Final = 0.975  # of the quantile: 95 % lie between
_HALF: Final = 0.5  # an image whose objects are all found, and one of which none is


def warning_of_few_objects(score: Score, names: Mapping[int, str]) -> str | None:
    """Return a sentence that names the classes with few objects, or None where there is none.

    Parameters
    ----------
    score : Score
    names : mapping of int to str
        Of the classes, by class id.
    """
    counts = {class_id: curve.objects for class_id, curve in score.curves.items()}
    few = sorted((n, names[class_id]) for class_id, n in counts.items() if 0 < n < FEW_OBJECTS)
    if not few:
        return None
    told = ", ".join(f"{name} {n}" for n, name in few[:_NAMED])
    more = f" and {len(few) - _NAMED} more" if len(few) > _NAMED else ""
    return (
        f"{len(few)} {'class has' if len(few) == 1 else 'classes have'} fewer than {FEW_OBJECTS}"
        f" objects, too few to rely on an AP: {told}{more}"
    )


def mean_ap_interval(outcomes: Outcomes, score: Score) -> Interval:
    """Return the mAP with its 95 % interval.

    Parameters
    ----------
    outcomes : Outcomes
        Of any protocol. Where it reads the precision at levels of recall, the variance is that
        of the area under the envelope, which those levels sample.
    score : Score
        Of these outcomes, in the classes whose mean is taken.

    Returns
    -------
    Interval
        Bounds are nan without objects.
    """
    spread = _spread_of(outcomes, score)
    classes = len(spread.aps)
    if classes == 0:
        return Interval(score.mean_ap, nan, nan)
    variances = spread.variances / classes**2
    variance = float(variances.sum())
    freedom = variance**2 / float(np.sum(variances**2 / (spread.images + 2 * _HALF)))
    # What classes have in common; below 0 it is chance, and might leave no variance at all.
    common = float(np.sum(spread.by_image**2) - np.sum(spread.raw_variances)) / classes**2
    shrunk = float(spread.shrunk.mean())
    return _wilson(score.mean_ap, shrunk, variance + max(common, 0.0), freedom)


def class_ap_intervals(outcomes: Outcomes, score: Score) -> Mapping[int, Interval]:
    """Return the AP of each class that has objects, with its 95 % interval, by class id.

    Parameters
    ----------
    outcomes : Outcomes
    score : Score
        Of these outcomes.
    """
    spread = _spread_of(outcomes, score)
    columns = (spread.class_ids, spread.aps, spread.shrunk, spread.variances, spread.images)
    return {
        class_id: _wilson(ap, shrunk, variance, images + 2 * _HALF)
        for class_id, ap, shrunk, variance, images in zip(
            *(column.tolist() for column in columns), strict=True
        )
    }


class _Spread(NamedTuple):
    """What is known of the classes that have objects."""

    class_ids: IntArray  # (C,)
    aps: DoubleArray  # (C,)
    images: IntArray  # (C,) with objects
    raw_variances: DoubleArray  # (C,) sums of squared derivatives
    variances: DoubleArray  # (C,) with what those do not show
    shrunk: DoubleArray  # (C,) the APs with the added halves
    by_image: DoubleArray  # (I,) sums of the derivatives over the classes


def _spread_of(outcomes: Outcomes, score: Score) -> _Spread:
    known = {class_id: ap for class_id, ap in score.ap_by_class.items() if not isnan(ap)}
    class_ids = np.array(sorted(known), np.int64)
    aps = np.array([known[class_id] for class_id in class_ids.tolist()])
    count = max(outcomes.image_count, 1)
    asked = np.isin(outcomes.object_class_ids, class_ids)
    object_places = np.searchsorted(class_ids, outcomes.object_class_ids[asked])
    object_pairs = object_places * count + outcomes.object_image_indices[asked]
    images = np.bincount(np.unique(object_pairs) // count, minlength=len(class_ids))
    pairs, derivatives = _derivatives(outcomes, class_ids, object_pairs)
    raw = _sums_by(pairs // count, derivatives**2, len(class_ids))
    by_image = _sums_by(pairs % count, derivatives, count)
    shrunk = (images * aps + _HALF) / (images + 2 * _HALF)
    # As of the mean of `images` shares that have these APs, with the added ones among them.
    added = images * (aps - shrunk) ** 2 + _HALF * ((1 - shrunk) ** 2 + shrunk**2)
    variances = (images * raw + added / np.maximum(images, 1)) / (images + 2 * _HALF)
    return _Spread(class_ids, aps, images, raw, variances, shrunk, by_image)


def _derivatives(
    outcomes: Outcomes, class_ids: IntArray, object_pairs: IntArray
) -> tuple[IntArray, DoubleArray]:
    """Return the derivatives of the areas under the envelopes by the images' weights.

    Parameters
    ----------
    outcomes : Outcomes
    class_ids : (C,) int64
        Ascending.
    object_pairs : (G,) int64
        Of each object, place of the class times number of images plus image.

    Returns
    -------
    pairs : (P,) int64
        Likewise, each once, ascending. The derivatives by other pairs are 0.
    derivatives : (P,) float64
    """
    ranking = np.argsort(-outcomes.scores, kind="stable")
    rows = ranking[np.isin(outcomes.class_ids[ranking], class_ids)]
    places = np.searchsorted(class_ids, outcomes.class_ids[rows])
    order = np.argsort(places, kind="stable")  # by class, then rank
    rows, places = rows[order], places[order]
    count, found = max(outcomes.image_count, 1), outcomes.found[rows]
    object_places = object_pairs // count
    objects = np.bincount(object_places, minlength=len(class_ids))
    envelope, of_sums = _by_detection(places, found)
    areas = _sums_by(places[found], envelope[found], len(class_ids)) / objects
    values = [of_sums / objects[places], -(areas / objects)[object_places]]
    of_values = [places * count + outcomes.image_indices[rows], object_pairs]
    pairs, which = np.unique(np.concatenate(of_values), return_inverse=True)
    return pairs, _sums_by(which, np.concatenate(values), len(pairs))


def _by_detection(places: IntArray, found: BoolArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the envelope, and the derivative of its sum at the objects by each detection.

    The envelope at an object is the precision ``hits / seen`` at one later place, its peak. A
    detection that ranks before the peak adds to ``seen``, and to ``hits`` if it found an object.

    Parameters
    ----------
    places : (D,) int64
        Of the classes, ascending; within one, by descending score.
    found : (D,) bool

    Returns
    -------
    envelope, derivatives : (D,) float64
    """
    count = len(places)
    numbers = np.arange(count)
    starts = np.searchsorted(places, places)  # (D,) first of the class
    seen = numbers - starts + 1
    before = np.concatenate([[0], np.cumsum(found)])
    precision = (before[1:] - before[starts]) / seen
    # Precision is below 2: backwards, each class starts above all that was before.
    raised = precision - 2.0 * places
    peaks_above = np.maximum.accumulate(raised[::-1])[::-1]
    at_peak = np.where(raised == peaks_above, numbers, count)
    peaks = np.minimum.accumulate(at_peak[::-1])[::-1]  # (D,) place of each one's peak
    envelope = precision[peaks] if count else precision
    of_hits = peaks[found]
    by_hits = _sums_by(of_hits, 1 / seen[of_hits], count)
    by_seen = _sums_by(of_hits, precision[of_hits] / seen[of_hits], count)
    ends = np.searchsorted(places, places, side="right")  # (D,) behind the class
    gains = np.where(found, envelope + _sums_to(ends, by_hits), 0.0)
    return envelope, gains - _sums_to(ends, by_seen)


def _sums_by(places: IntArray, values: DoubleArray, count: int) -> DoubleArray:
    """Return the sum of the values that stand at each of so many places."""
    return np.bincount(places, values, minlength=count).astype(np.float64, copy=False)


def _sums_to(ends: IntArray, values: DoubleArray) -> DoubleArray:
    """Return the sum of values from each place on to its end."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    result: DoubleArray = sums[ends] - sums[:-1]
    return result


def _wilson(estimate: float, shrunk: float, variance: float, freedom: float) -> Interval:
    """Return all shares from which the estimate is not too far for their own deviation.

    That of a share ``p`` is taken for ``p (1 - p) / n``, by the ``n`` with which ``shrunk``,
    which is neither 0 nor 1, has the variance given.
    """
    from scipy.special import stdtrit

    n = shrunk * (1 - shrunk) / variance
    t = float(stdtrit(freedom, _LEVEL))
    middle = (estimate + t * t / (2 * n)) / (1 + t * t / n)
    half = t / (1 + t * t / n) * sqrt(estimate * (1 - estimate) / n + (t / (2 * n)) ** 2)
    # Rounding must not put the estimate outside, nor a bound beyond 0 or 1.
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(estimate, min(low, estimate), max(high, estimate))
