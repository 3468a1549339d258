"""What the proposals make possible: which objects they cover, and where detections come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np

from detector.report.analysis.matches import Matches
from detector.scoring.records import BoolArray, FloatArray, IntArray
from proposals.boxes import pairwise_iou
from proposals.storage.header import ProposalFileError

NEVER: Final = int(np.iinfo(np.int64).max)
NO_RANK: Final = -1
_SAME_BOX: Final = 0.01  # pixels; what writing a box to a file may move it by

BoxesOf = Callable[[int], FloatArray]
"""Gives the proposals (N, 4) of an image by its index, best first."""


@dataclass(frozen=True, eq=False)
class ProposalReach:
    """Where in the lists of proposals objects are covered and detections come from.

    Attributes
    ----------
    covered_from : (G,) int64
        How many first proposals it takes until one has the object's own threshold of IoU, by
        which detections find it; `NEVER` where none has. One may cover several objects.
    ranks : (D,) int64
        Place of each detection's box among the proposals of its image, from 0; -1 where it is
        none of them.
    longest : int
        Proposals of the image that has most.
    skipped : tuple of str
        Why images have no proposals; their objects are not covered.
    """

    covered_from: IntArray
    ranks: IntArray
    longest: int
    skipped: tuple[str, ...]

    @property
    def ranks_known(self) -> bool:
        """Whether every detection is one of the proposals."""
        return bool((self.ranks != NO_RANK).all())

    @property
    def used(self) -> int:
        """How many first proposals hold all detections; all of them where that is not known."""
        if not self.ranks_known:
            return self.longest
        return int(self.ranks.max()) + 1 if len(self.ranks) else 0

    def coverage(self, count: int, where: BoolArray | None = None) -> float:
        """Return the share of objects that the first ``count`` proposals cover; nan without any."""
        chosen = self.covered_from if where is None else self.covered_from[where]
        return float((chosen <= count).mean()) if len(chosen) else nan


def reach_of_proposals(matches: Matches, images: Iterable[int], boxes_of: BoxesOf) -> ProposalReach:
    """Compare proposals with the objects and detections of the images of these indices.

    ``boxes_of`` may raise ProposalFileError for an image that has none.
    """
    covered_from = np.full(len(matches.ground_truth), NEVER, np.int64)
    ranks = np.full(len(matches.predictions), NO_RANK, np.int64)
    objects_of = _rows_by_image(matches.ground_truth.image_indices)
    detections_of = _rows_by_image(matches.predictions.image_indices)
    longest, skipped = 0, []
    for image in images:
        try:
            boxes = boxes_of(image)
        except ProposalFileError as error:
            skipped.append(str(error))
            continue
        longest = max(longest, len(boxes))
        objects, detections = objects_of(image), detections_of(image)
        covered_from[objects] = _covered_from(matches, boxes, objects)
        ranks[detections] = _ranks(matches.predictions.boxes_xyxy[detections], boxes)
    return ProposalReach(covered_from, ranks, longest, tuple(skipped))


def _covered_from(matches: Matches, boxes: FloatArray, objects: IntArray) -> IntArray:
    ious = pairwise_iou(boxes, matches.ground_truth.boxes_xyxy[objects])  # (N, g)
    # Rounded as the overlaps are, so that a box of just the threshold covers.
    reached = (ious > 0) & (ious >= matches.thresholds[objects].astype(np.float32))
    never = np.ones((1, len(objects)), np.bool_)
    first = np.concatenate([reached, never]).argmax(axis=0)  # (g,)
    return np.where(first < len(boxes), first + 1, NEVER)


def _ranks(detections: FloatArray, proposals: FloatArray) -> IntArray:
    ranks = np.full(len(detections), NO_RANK, np.int64)
    boxes = proposals.astype(np.float64)  # whose differences float32 may not hold
    for number, box in enumerate(detections):
        same = np.flatnonzero((np.abs(boxes - box) <= _SAME_BOX).all(axis=1))
        if len(same):
            ranks[number] = same[0]
    return ranks


def _rows_by_image(images: IntArray) -> Callable[[int], IntArray]:
    order = np.argsort(images, kind="stable")
    ascending = images[order]

    def rows_of(image: int) -> IntArray:
        first, last = np.searchsorted(ascending, [image, image + 1])
        return order[first:last]

    return rows_of
