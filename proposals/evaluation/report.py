"""Figures of several proposal generators on one data set, and how sure their differences are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proposals.boxes import box_areas
from proposals.evaluation.bootstrap import Interval, paired_difference
from proposals.evaluation.coverage import (
    SIZES,
    ClassOverlap,
    Overlaps,
    Quality,
    average_best_overlaps,
    of_size,
    recall,
    recall_shares,
    recalls,
)
from proposals.evaluation.overlaps import OverlapSteps

IOU_THRESHOLDS = tuple(round(0.5 + 0.01 * step, 2) for step in range(51))
"""Where the recall of a `GeneratorReport` is sampled."""

_CURVE_POINTS = 60


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of a data set, in the order of their images.

    Attributes
    ----------
    counts : ndarray, (I,) int64
        Objects of each image.
    areas : ndarray, (G,) float32
        In square pixels.
    class_names : ndarray, (G,) str
    """

    counts: NDArray[np.int64]
    areas: NDArray[np.float32]
    class_names: NDArray[np.str_]

    @classmethod
    def gather(cls, images: Sequence[tuple[NDArray[np.float32], Sequence[str]]]) -> Objects:
        """Gather the boxes ``(G, 4)`` and class names of each image."""
        boxes = np.concatenate([np.zeros((0, 4), np.float32), *(boxes for boxes, _ in images)])
        names = [name for _, of_image in images for name in of_image]
        return cls(
            counts=np.array([len(boxes) for boxes, _ in images], np.int64),
            areas=box_areas(boxes),
            class_names=np.array(names, np.str_),
        )


@dataclass
class Tally:
    """What one generator gave so far, image by image.

    Attributes
    ----------
    overlaps : list of Overlaps
    boxes : list of int
        Boxes of each image.
    seconds : list of float
        Empty where time says nothing, as for boxes that are read from a file.
    """

    overlaps: list[Overlaps] = field(default_factory=list)
    boxes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(
        self,
        boxes_xyxy: NDArray[np.float32],
        true_boxes_xyxy: NDArray[np.float32],
        seconds: float | None = None,
    ) -> None:
        """Count one image: proposals ``(N, 4)``, best first, and objects (G, 4)."""
        self.overlaps.append(Overlaps.of_image(boxes_xyxy, true_boxes_xyxy))
        self.boxes.append(len(boxes_xyxy))
        if seconds is not None:
            self.seconds.append(seconds)


@dataclass(frozen=True)
class Comparison:
    """One generator beside the baseline.

    Attributes
    ----------
    boxes, seconds : float
        Ratio of the mean boxes and of the median seconds an image, this one by the baseline;
        NaN where a part of it is missing.
    coverage_50, average_recall : Interval
        Difference, this one less the baseline, of the coverage at IoU 0.5 (any) and of the
        average recall (one-to-one), all boxes counted.
    """

    boxes: float
    seconds: float
    coverage_50: Interval
    average_recall: Interval


@dataclass(frozen=True)
class Curve:
    """Figures of the first n boxes of each image, for n from 1 to the most of any image.

    Attributes
    ----------
    boxes : list of int
        The n, evenly spaced on a logarithmic axis.
    coverage_50 : list of float
        Coverage at IoU 0.5 (any).
    recall_50, average_recall : list of float
        Recall at IoU 0.5 and average recall (one-to-one).
    """

    boxes: list[int]
    coverage_50: list[float]
    recall_50: list[float]
    average_recall: list[float]


@dataclass(frozen=True)
class GeneratorReport:
    """All figures of one generator.

    Attributes
    ----------
    boxes_mean, boxes_median : float
        Boxes an image; NaN without images.
    seconds_median : float
        An image; NaN where no time was taken.
    by_budget : dict of str to Quality
        With the first n boxes of each image, by n, and with all boxes as "all".
    by_size : dict of str to dict of str to Quality
        By COCO's size of the objects, then by the same keys.
    abo : dict of str to ClassOverlap
        Average best overlap of each class (any), by name, with all boxes.
    recall_by_iou : dict of str to list of float
        One-to-one recall at `IOU_THRESHOLDS`, by the same keys.
    curve : Curve
    against_baseline : Comparison, optional
        None for the baseline itself.
    """

    boxes_mean: float
    boxes_median: float
    seconds_median: float
    by_budget: dict[str, Quality]
    by_size: dict[str, dict[str, Quality]]
    abo: dict[str, ClassOverlap]
    recall_by_iou: dict[str, list[float]]
    curve: Curve
    against_baseline: Comparison | None


def report(
    objects: Objects,
    tallies: Mapping[str, Tally],
    *,
    budgets: Sequence[int],
    baseline: str,
    seed: int = 0,
) -> dict[str, GeneratorReport]:
    """Work out all figures.

    Parameters
    ----------
    objects : Objects
    tallies : mapping of str to Tally
        Of each generator by name, over the images of ``objects``, in their order.
    budgets : sequence of int
        Numbers of boxes to measure at.
    baseline : str
        Name of the generator that the others are compared with.
    seed : int
        Of the resampling behind the confidence intervals.
    """
    measured = {name: _joined(tally) for name, tally in tallies.items()}
    return {
        name: _report_one(
            objects,
            one,
            budgets,
            None if name == baseline else _compare(measured[baseline], one, objects.counts, seed),
        )
        for name, one in measured.items()
    }


class _Measured(NamedTuple):
    tally: Tally
    overlaps: Overlaps  # of all images


def _joined(tally: Tally) -> _Measured:
    best = OverlapSteps.join(overlaps.best for overlaps in tally.overlaps)
    return _Measured(
        tally, Overlaps(best, OverlapSteps.join(overlaps.matched for overlaps in tally.overlaps))
    )


def _report_one(
    objects: Objects, measured: _Measured, budgets: Sequence[int], comparison: Comparison | None
) -> GeneratorReport:
    tally, overlaps = measured
    names = objects.class_names
    counts = {**{str(budget): budget for budget in budgets}, "all": None}
    return GeneratorReport(
        boxes_mean=_over(np.mean, tally.boxes),
        boxes_median=_over(np.median, tally.boxes),
        seconds_median=_over(np.median, tally.seconds),
        by_budget=_by_count(overlaps, names, counts),
        by_size={
            size: _by_count(overlaps, names, counts, of_size(objects.areas, size)) for size in SIZES
        },
        abo=average_best_overlaps(overlaps.best.at(), names),
        recall_by_iou={
            key: recall(overlaps.matched.at(count), IOU_THRESHOLDS).tolist()
            for key, count in counts.items()
        },
        curve=_curve(overlaps, max(tally.boxes, default=0)),
        against_baseline=comparison,
    )


def _by_count(
    overlaps: Overlaps,
    class_names: NDArray[np.str_],
    counts: Mapping[str, int | None],
    where: NDArray[np.bool_] | None = None,
) -> dict[str, Quality]:
    return {key: overlaps.quality(class_names, count, where) for key, count in counts.items()}


def _over(statistic: Callable[[Sequence[float]], np.floating], values: Sequence[float]) -> float:
    return float(statistic(values)) if values else float("nan")


def _curve(overlaps: Overlaps, most: int) -> Curve:
    counts = np.unique(np.rint(np.geomspace(1, max(most, 1), _CURVE_POINTS)).astype(int)).tolist()
    best = [recalls(overlaps.best.at(count)) for count in counts]
    matched = [recalls(overlaps.matched.at(count)) for count in counts]
    return Curve(
        boxes=counts,
        coverage_50=[one.at_50 for one in best],
        recall_50=[one.at_50 for one in matched],
        average_recall=[one.average for one in matched],
    )


def _compare(
    baseline: _Measured, other: _Measured, object_counts: NDArray[np.int64], seed: int
) -> Comparison:
    def difference(shares: Callable[[Overlaps], NDArray[np.float64]]) -> Interval:
        gains = shares(other.overlaps) - shares(baseline.overlaps)
        return paired_difference(gains, object_counts, seed=seed)

    tally, base = other.tally, baseline.tally
    return Comparison(
        boxes=_over(np.mean, tally.boxes) / (_over(np.mean, base.boxes) or float("nan")),
        seconds=_over(np.median, tally.seconds) / _over(np.median, base.seconds),
        coverage_50=difference(lambda o: (o.best.at() >= np.float32(0.5)).astype(np.float64)),
        average_recall=difference(lambda o: recall_shares(o.matched.at())),
    )
