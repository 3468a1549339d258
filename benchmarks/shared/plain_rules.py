"""Average precision in plain loops, with a switch for every rule in which scorers differ.

Written after the rules' own texts and apart from `detector.scoring`, so that the two can be held
against each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from detector.scoring import GroundTruth, Predictions

Box = tuple[float, float, float, float]  # x1, y1, x2, y2, exclusive


@dataclass(frozen=True)
class Rules:
    """What to do where scorers differ; the defaults are those of ILSVRC's devkit.

    Attributes
    ----------
    own_thresholds : bool
        Whether each object has its threshold, ``min(0.5, w h / ((w + 10) (h + 10)))``; else 0.5.
    second_choice : bool
        Whether a detection whose best object is taken may take another.
    skips_difficult : bool
        Whether difficult objects are not asked for, and what finds one does not count.
    most : int, optional
        How many detections of a class in an image count.
    last_of_equals : bool
        Whether of objects of equal IoU the last is taken; else the first.
    ties_by_image : bool
        Whether equal scores rank by image, then by row; else by row.
    levels : int, optional
        At how many recalls precision is read; the area under the envelope when left out.
    """

    own_thresholds: bool = True
    second_choice: bool = True
    skips_difficult: bool = False
    most: int | None = None
    last_of_equals: bool = False
    ties_by_image: bool = True
    levels: int | None = None


@dataclass
class _Object:
    box: Box
    difficult: bool
    taken: bool = False


def mean_average_precision(
    truth: GroundTruth, found: Predictions, class_ids: Sequence[int], rules: Rules
) -> float:
    """Return the mean average precision of the classes with objects; nan if there is none."""
    aps = [_average_precision(truth, found, class_id, rules) for class_id in class_ids]
    known = [ap for ap in aps if ap is not None]
    return sum(known) / len(known) if known else nan


def _average_precision(
    truth: GroundTruth, found: Predictions, class_id: int, rules: Rules
) -> float | None:
    objects: dict[int, list[_Object]] = defaultdict(list)
    crowds: dict[int, list[Box]] = defaultdict(list)
    for row in np.flatnonzero(truth.class_ids == class_id):
        image, box = int(truth.image_indices[row]), tuple(truth.boxes_xyxy[row].tolist())
        if truth.crowd[row]:
            crowds[image].append(box)
        else:
            objects[image].append(_Object(box, bool(truth.difficult[row])))
    asked = sum(
        not (one.difficult and rules.skips_difficult) for row in objects.values() for one in row
    )
    if not asked:
        return None
    verdicts = [
        verdict
        for image, box in _ranked(found, class_id, rules)
        if (verdict := _verdict(box, objects[image], crowds[image], rules)) is not None
    ]
    hits = np.cumsum(verdicts, dtype=np.int64)
    recall, precision = hits / asked, hits / np.arange(1, len(hits) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    if rules.levels is None:
        return float((np.diff(recall, prepend=0) * envelope[:-1]).sum())
    levels = np.arange(rules.levels) / (rules.levels - 1)
    if rules.levels == 101:  # pycocotools' own, which lie above some of these in the last bit
        levels = np.linspace(0, 1, 101)
    return float(envelope[np.searchsorted(recall, levels)].mean())


def _ranked(found: Predictions, class_id: int, rules: Rules) -> Iterator[tuple[int, Box]]:
    """Yield image and box of the detections of a class, surest first, as far as they count."""
    rows = np.flatnonzero(found.class_ids == class_id)
    if rules.ties_by_image:
        rows = rows[np.argsort(found.image_indices[rows], kind="stable")]
    rows = rows[np.argsort(-found.scores[rows], kind="stable")]
    counts: dict[int, int] = defaultdict(int)
    for row in rows:
        image = int(found.image_indices[row])
        counts[image] += 1
        if rules.most is None or counts[image] <= rules.most:
            yield image, tuple(found.boxes_xyxy[row].tolist())


def _verdict(
    box: Box, objects: Sequence[_Object], crowds: Sequence[Box], rules: Rules
) -> bool | None:
    """Return whether a detection is right, None if it does not count; it takes its object."""
    best, best_iou = None, 0.0
    for one in objects:
        overlap = _iou(box, one.box)
        if rules.second_choice and (one.taken or overlap < _threshold(one.box, rules)):
            continue
        if overlap > best_iou or (rules.last_of_equals and overlap == best_iou > 0):
            best, best_iou = one, overlap
    if best is not None and best_iou >= _threshold(best.box, rules):
        if best.difficult and rules.skips_difficult:
            return None
        if not best.taken:
            best.taken = True
            return True
    inside = any(_shared(box, crowd) >= 0.5 * _shared(box, box) > 0 for crowd in crowds)
    return None if inside else False


def _threshold(box: Box, rules: Rules) -> float:
    width, height = box[2] - box[0], box[3] - box[1]
    own = width * height / ((width + 10) * (height + 10))
    return min(0.5, own) if rules.own_thresholds else 0.5


def _shared(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _iou(a: Box, b: Box) -> float:
    shared = _shared(a, b)
    return shared / (_shared(a, a) + _shared(b, b) - shared) if shared else 0.0
