"""Scores of predictions with their interval, and the table that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isnan

import numpy as np

from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.scoring.average_precision import Score
from detector.scoring.coco import COCO_NUMBERS, CocoResult, evaluate_coco
from detector.scoring.interval import mean_ap_interval, warning_of_few_objects
from detector.scoring.outcomes import Outcomes, Protocol
from detector.scoring.protocols import match, score_outcomes
from detector.scoring.records import Blacklist, Predictions, gather_ground_truth
from proposals.evaluation.bootstrap import Interval


@dataclass(frozen=True, eq=False)
class Result:
    """What predictions are worth.

    Attributes
    ----------
    outcomes : Outcomes
        Of the images looked at, numbered in their order.
    score : Score
    interval : Interval
        The mAP with its 95 % interval, as from `mean_ap_interval`.
    coco : CocoResult or None
        What pycocotools says of all IoU thresholds; None by other rules than COCO's.
    """

    outcomes: Outcomes
    score: Score
    interval: Interval
    coco: CocoResult | None


def score_predictions(
    predictions: Predictions,
    annotations: Mapping[int, ImageAnnotation],
    classes: Sequence[ObjectClass],
    blacklist: Blacklist,
    *,
    protocol: Protocol,
) -> Result:
    """Score predictions of some images of a data set.

    Parameters
    ----------
    predictions : Predictions
        Of these images only.
    annotations : mapping of int to ImageAnnotation
        By ascending image index.
    classes : sequence of ObjectClass
        Those that are scored.
    blacklist : Blacklist
        Pairs of image and class that do not count.
    protocol : {"ilsvrc", "voc2007", "voc", "coco"}
    """
    ground_truth = gather_ground_truth(annotations.items(), classes)
    class_ids = [c.id for c in classes]
    given = (ground_truth, predictions, class_ids, blacklist)
    image_count = 1 + max(annotations, default=-1)
    coco = evaluate_coco(*given, image_count=image_count) if protocol == "coco" else None
    if coco is None:
        outcomes = match(*given, protocol=protocol, image_count=image_count)
    else:
        outcomes = coco.outcomes
    outcomes = outcomes.renumbered(np.array(list(annotations), np.int64))
    score = score_outcomes(outcomes, class_ids)
    return Result(outcomes, score, mean_ap_interval(outcomes, score), coco)


def score_table(
    result: Result, classes: Sequence[ObjectClass], *, every_class: bool
) -> Iterator[str]:
    """Yield the lines of a table: one a class, the mean and its interval.

    Classes without objects share one line, unless every class is to have its own.
    """
    shown = [c for c in classes if every_class or result.score.curves[c.id].objects]
    width = max([len("name"), *(len(c.name) for c in shown)])
    names = ("AP",) if result.coco is None else ("AP", "AP50")
    head = "".join(f"  {name:>6}" for name in names)
    yield f"det_id  {'wnid':<9}  {'name':<{width}}  objects  detections{head}"
    for object_class in shown:
        curve = result.score.curves[object_class.id]
        aps = [curve.average_precision]
        if result.coco is not None:
            aps.insert(0, result.coco.ap_by_class[object_class.id])
        yield (
            f"{object_class.id:>6}  {object_class.wnid or '-':<9}  {object_class.name:<{width}}"
            f"  {curve.objects:>7}  {curve.detections:>10}" + "".join(f"  {ap:>6.4f}" for ap in aps)
        )
    if hidden := sorted({c.id for c in classes} - {c.id for c in shown}):
        yield f"no objects, hence no AP: det_id {_ranges(hidden)}"
    yield from _mean_lines(result, len(classes))
    if warning := warning_of_few_objects(result.score, {c.id: c.name for c in classes}):
        yield f"warning: {warning}"


def _mean_lines(result: Result, class_count: int) -> Iterator[str]:
    without = len(result.score.classes_without_objects)
    left_out = f" ({without} without objects left out)" if without else ""
    of_classes = f"over {class_count - without} classes{left_out}"
    if result.coco is None:
        yield f"mAP {result.score.mean_ap:.4f} {of_classes}"
    else:
        yield f"AP {result.coco.mean_ap:.4f} {of_classes}; the mean of IoUs from 0.50 to 0.95"
        yield from _coco_lines(result.coco)
    if not isnan(result.interval.low):
        of_half = "" if result.coco is None else f"AP50 {result.score.mean_ap:.4f}, "
        yield (
            f"{of_half}95 % interval {result.interval.low:.4f} to {result.interval.high:.4f}, for"
            f" the mean of sets of {result.outcomes.image_count} such images"
        )


def _coco_lines(coco: CocoResult) -> Iterator[str]:
    """Yield the twelve numbers of pycocotools, each with what it prints beside it."""
    yield f"{'':<5}  {'IoU':<9}  {'area':<6}  maxDets   value"
    for number in COCO_NUMBERS:
        yield (
            f"{number.name:<5}  {number.ious:<9}  {number.area:<6}  {number.detections:>7}"
            f"  {coco.numbers[number.name]:>6.4f}"
        )


def _ranges(numbers: Iterable[int]) -> str:
    """Write ascending numbers as in "1-36, 38"."""
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    ends = [(run[0][1], run[-1][1]) for run in (list(group) for _, group in runs)]
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ends)
