"""Which classes are taken for which others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detector.report.analysis.matches import Matches
from detector.report.analysis.pairs import NO_OBJECT, ImagePairs, pairs_by_image, take_best
from detector.scoring.records import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often an object of one class is detected as another.

    Attributes
    ----------
    class_ids : tuple of int
        C classes.
    counts : (C + 1, C + 1) int64
        Rows are what is there: the classes in their order, then background. Columns are what
        is detected: the classes, then missed. The last element, background that is missed, is
        0. A row of a class sums to its objects, a column of one to its detections.
    """

    class_ids: tuple[int, ...]
    counts: IntArray

    def strongest(self, number: int) -> list[tuple[int, int, int]]:
        """Return the commonest confusions of two classes: id there, id detected, count."""
        inner = self.counts[:-1, :-1].copy()
        np.fill_diagonal(inner, 0)
        order = np.argsort(-inner, axis=None, kind="stable")[:number]
        rows, columns = np.unravel_index(order, inner.shape)
        return [
            (self.class_ids[row], self.class_ids[column], int(inner[row, column]))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if inner[row, column]
        ]

    def merged(self, kept: Sequence[int]) -> Confusion:
        """Return the matrix of these class ids, with all other classes as one, of id 0.

        What is confused among the others stands on the diagonal of theirs.
        """
        place = {class_id: number for number, class_id in enumerate(kept)}
        count = len(kept) + 1
        to = np.array([place.get(c, len(kept)) for c in self.class_ids] + [count])
        counts = np.zeros((count + 1, count + 1), np.int64)
        np.add.at(counts, (to[:, None], to[None, :]), self.counts)
        return Confusion((*kept, 0), counts)


def confusion_matrix(matches: Matches, least_scores: Mapping[int, float]) -> Confusion:
    """Count what the objects of each class are detected as.

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
    there = _labels(matches.ground_truth.class_ids, label_of)
    kept = matches.predictions.scores >= least[labels]
    taken = np.where(kept, matches.taken, NO_OBJECT)
    _take_others(matches, taken, kept)
    background = missed = len(matches.class_ids)
    counts = np.zeros((background + 1, missed + 1), np.int64)
    # The last element stands for no object, whose row is -1.
    np.add.at(counts, (np.append(there, background)[taken[kept]], labels[kept]), 1)
    free = np.ones(len(there), np.bool_)
    free[taken[taken != NO_OBJECT]] = False
    counts[:, missed] += np.bincount(there[free], minlength=missed + 1)
    return Confusion(matches.class_ids, counts)


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
