"""What each object was detected as, and what each detection stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from detector.report.analysis.matches import Matches
from detector.report.analysis.pairs import NO_OBJECT, ImagePairs, pairs_by_image, take_best
from detector.scoring.records import BoolArray, IntArray
from proposals.boxes import box_areas

Cell = tuple[int, int]
"""What is there and what it was detected as: places in the class ids, or their number, C."""

NO_DETECTION: Final = -1


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Objects with the detections that take them, and those of either that are alone: N rows.

    Rows of one cell stand together, surest detections first, and missed objects largest first.

    Attributes
    ----------
    class_ids : tuple of int
        C classes.
    there : (N,) int64
        Place of the object's class; C for background.
    detected : (N,) int64
        Place of the detection's class; C for an object that is missed.
    detections, objects : (N,) int64
        Rows of the `Matches`; -1 where there is none.
    images : (N,) int64
        Image of each.
    """

    class_ids: tuple[int, ...]
    there: IntArray
    detected: IntArray
    detections: IntArray
    objects: IntArray
    images: IntArray

    @property
    def counts(self) -> IntArray:
        """How many (C + 1, C + 1) rows there are, by what is there and what was detected."""
        counts = np.zeros((len(self.class_ids) + 1,) * 2, np.int64)
        np.add.at(counts, (self.there, self.detected), 1)
        return counts

    def rows_of(self, cell: Cell) -> range:
        """Return the rows of a cell."""
        number = cell[0] * (len(self.class_ids) + 1) + cell[1]
        first, last = np.searchsorted(self._cells, [number, number + 1])
        return range(int(first), int(last))

    @cached_property
    def _cells(self) -> IntArray:
        """The number of each row's cell, ascending."""
        return self.there * (len(self.class_ids) + 1) + self.detected


def find_occurrences(matches: Matches, least_scores: Mapping[int, float]) -> Occurrences:
    """Pair the objects of each class with what they are detected as.

    Only detections that have their class's least score count. Those that take an object in the
    scoring keep it. Of the others, by descending score, each takes the object of another class
    that has the highest IoU among those that nobody took and whose own threshold it reaches;
    what is left over was detected in the background, and objects that are left over are missed.

    Parameters
    ----------
    matches : Matches
    least_scores : mapping of int to float
        By class id; detections of classes that are not in it are left out.
    """
    least = np.array([least_scores.get(c, np.inf) for c in matches.class_ids])
    label_of = {class_id: label for label, class_id in enumerate(matches.class_ids)}
    labels = _labels(matches.predictions.class_ids, label_of)
    kept = matches.predictions.scores >= least[labels]
    taken = np.where(kept, matches.taken, NO_OBJECT)
    _take_others(matches, taken, kept)
    free = np.ones(len(matches.ground_truth), np.bool_)
    free[taken[taken != NO_OBJECT]] = False
    missed, sure = np.flatnonzero(free), np.flatnonzero(kept)
    detections = np.concatenate([sure, np.full(len(missed), NO_DETECTION)])
    objects = np.concatenate([taken[sure], missed])
    # The last element stands for none, whose row is -1.
    none = len(matches.class_ids)
    there = np.append(_labels(matches.ground_truth.class_ids, label_of), none)[objects]
    detected = np.append(labels, none)[detections]
    areas = box_areas(matches.ground_truth.boxes_xyxy[missed])
    weights = np.concatenate([matches.predictions.scores[sure], areas])
    images = [matches.predictions.image_indices[sure], matches.ground_truth.image_indices[missed]]
    order = np.lexsort((-weights, detected, there))
    return Occurrences(
        class_ids=matches.class_ids,
        there=there[order],
        detected=detected[order],
        detections=detections[order],
        objects=objects[order],
        images=np.concatenate(images)[order],
    )


def _labels(class_ids: IntArray, label_of: Mapping[int, int]) -> IntArray:
    return np.array([label_of[class_id] for class_id in class_ids.tolist()], np.int64)


def _take_others(matches: Matches, taken: IntArray, kept: BoolArray) -> None:
    """Give detections ``kept`` that took nothing an object of another class, in ``taken``."""
    idle = np.flatnonzero(kept & (taken == NO_OBJECT))
    idle = idle[np.argsort(-matches.predictions.scores[idle], kind="stable")]
    free = np.ones(len(matches.ground_truth), np.bool_)
    free[taken[taken != NO_OBJECT]] = False
    for pairs in pairs_by_image(
        matches.predictions, matches.ground_truth, idle, np.flatnonzero(free)
    ):
        _take_in_image(matches, pairs, taken)


def _take_in_image(matches: Matches, pairs: ImagePairs, taken: IntArray) -> None:
    other = (
        matches.predictions.class_ids[pairs.detections][:, None]
        != matches.ground_truth.class_ids[pairs.objects]
    )  # (d, g)
    reached = other & (pairs.ious >= matches.thresholds[pairs.objects])
    places = take_best(np.where(reached, pairs.ious, 0))
    taken[pairs.detections] = np.append(pairs.objects, NO_OBJECT)[places]
