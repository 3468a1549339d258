"""Which object each detection takes, row by row: what every analysis of a report starts from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detector.report.analysis.pairs import NO_OBJECT, pairs_by_image, take_best
from detector.scoring.average_precision import Score
from detector.scoring.coco import MAX_DETECTIONS
from detector.scoring.counting import counting_rows
from detector.scoring.matching import (
    USUAL_THRESHOLD,
    lie_in_crowd,
    match_objects,
    match_objects_voc,
    object_thresholds,
)
from detector.scoring.outcomes import Outcomes, Protocol
from detector.scoring.protocols import score_outcomes
from detector.scoring.records import (
    Blacklist,
    BoolArray,
    DoubleArray,
    GroundTruth,
    IntArray,
    Predictions,
)


@dataclass(frozen=True, eq=False)
class Matches:
    """The objects that are asked for, the detections that count, and which takes which.

    Attributes
    ----------
    protocol : Protocol
        By whose rules.
    image_count : int
        Number of images, those without objects and detections too.
    class_ids : tuple of int
        The classes that are scored.
    ground_truth : GroundTruth
        G objects of those classes.
    predictions : Predictions
        D detections of those classes.
    taken : (D,) int64
        Row of the object that each detection takes; -1 for a false positive.
    """

    protocol: Protocol
    image_count: int
    class_ids: tuple[int, ...]
    ground_truth: GroundTruth
    predictions: Predictions
    taken: IntArray

    @property
    def found(self) -> BoolArray:
        """Whether each detection (D,) finds an object."""
        found: BoolArray = self.taken != NO_OBJECT
        return found

    @cached_property
    def object_found(self) -> BoolArray:
        """Whether each object (G,) is found."""
        found = np.zeros(len(self.ground_truth), np.bool_)
        found[self.taken[self.found]] = True
        return found

    @cached_property
    def thresholds(self) -> DoubleArray:
        """IoU (G,) from which each object counts as found."""
        if self.protocol == "ilsvrc":
            return object_thresholds(self.ground_truth.boxes_xyxy)
        return np.full(len(self.ground_truth), USUAL_THRESHOLD)

    def outcomes(self) -> Outcomes:
        """Return what the matching decided, in the form that is scored."""
        return Outcomes(
            protocol=self.protocol,
            image_count=self.image_count,
            image_indices=self.predictions.image_indices,
            class_ids=self.predictions.class_ids,
            scores=self.predictions.scores,
            found=self.found,
            object_image_indices=self.ground_truth.image_indices,
            object_class_ids=self.ground_truth.class_ids,
        )

    @cached_property
    def score(self) -> Score:
        """Curves and average precisions by the protocol's rule."""
        return score_outcomes(self.outcomes(), self.class_ids)


def match_rows(
    ground_truth: GroundTruth,
    predictions: Predictions,
    class_ids: Iterable[int],
    blacklist: Blacklist = frozenset(),
    *,
    protocol: Protocol,
    image_count: int,
) -> Matches:
    """Decide what `detector.scoring.match` decides, and keep which detection takes which object.

    The parameters are those of ``match``; COCO is at an IoU of 0.5.
    """
    wanted = tuple(dict.fromkeys(class_ids))
    ground_truth, predictions = counting_rows(
        ground_truth, predictions, wanted, blacklist, protocol
    )
    objects = ground_truth.where(~ground_truth.crowd)
    crowd = ground_truth.where(ground_truth.crowd)
    asked = np.ones(len(objects), np.bool_)
    ignored = np.zeros(len(predictions), np.bool_)
    if protocol == "ilsvrc":
        taken = match_objects(objects, predictions)
    elif protocol == "coco":
        taken, ignored = _match_coco(objects, predictions)
    else:
        taken, ignored = match_objects_voc(objects, predictions)
        asked = ~objects.difficult
    counting = (taken != NO_OBJECT) | ~(ignored | lie_in_crowd(crowd, predictions))
    return Matches(
        protocol=protocol,
        image_count=image_count,
        class_ids=wanted,
        ground_truth=objects.where(asked),
        predictions=predictions.where(counting),
        taken=renumbered(taken[counting], np.flatnonzero(asked)),
    )


def renumbered(taken: IntArray, kept: IntArray) -> IntArray:
    """Return rows among the ``kept`` objects, ascending, in place of rows among all."""
    return np.where(taken == NO_OBJECT, NO_OBJECT, np.searchsorted(kept, taken))


def ranks_within(groups: IntArray, scores: DoubleArray) -> IntArray:
    """Return the place (D,) of each row among those of its group, by descending score, from 0.

    Of equal scores the earlier row comes first.
    """
    order = np.lexsort((-scores, groups))
    starts = np.searchsorted(groups[order], groups[order], side="left")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - starts
    return ranks


def _match_coco(objects: GroundTruth, predictions: Predictions) -> tuple[IntArray, BoolArray]:
    """Return the object that each detection (D,) takes, and which are beyond COCO's number."""
    taken = np.full(len(predictions), NO_OBJECT, np.int64)
    stride = 1 + int(predictions.class_ids.max(initial=0))
    of_image_and_class = predictions.image_indices * stride + predictions.class_ids
    beyond = ranks_within(of_image_and_class, predictions.scores) >= MAX_DETECTIONS
    ranking = np.argsort(-predictions.scores, kind="stable")
    everything = np.arange(len(objects))
    for pairs in pairs_by_image(predictions, objects, ranking[~beyond[ranking]], everything):
        own = predictions.class_ids[pairs.detections][:, None] == objects.class_ids[pairs.objects]
        reached = np.where(own & (pairs.ious >= USUAL_THRESHOLD), pairs.ious, 0)
        places = take_best(reached, last_of_equals=True)
        taken[pairs.detections] = np.append(pairs.objects, NO_OBJECT)[places]
    return taken, beyond
