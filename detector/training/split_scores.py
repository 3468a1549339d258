"""Every region of many images scored by every member, to compare combinations afterwards.

Scoring takes minutes; from what is kept here, any mean or cascade of the members is worked out
and scored in a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.classes import ObjectClass
from detector.config import DetectorConfig
from detector.detections.selection import select_detections
from detector.pipeline import MemberScored
from detector.scoring import GroundTruth, Predictions, gather_predictions, match, score_outcomes


@dataclass(frozen=True, eq=False)
class SplitScores:
    """The regions of I images, image by image, with the scores of M members.

    Attributes
    ----------
    image_sizes : (I, 2) int64 array
        Heights and widths.
    counts : (I,) int64 array
        Regions of each image.
    boxes_xyxy : (N, 4) float32 array
        All regions.
    member_scores : (M, N, C + 1) float32 array
        Softmax scores; column 0 is the background.

    Raises
    ------
    ValueError
        If the shapes do not fit each other.
    """

    image_sizes: NDArray[np.int64]
    counts: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float32]
    member_scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        images, regions = len(self.counts), int(self.counts.sum())
        if not (
            self.image_sizes.shape == (images, 2)
            and self.boxes_xyxy.shape == (regions, 4)
            and self.member_scores.ndim == 3
            and self.member_scores.shape[1] == regions
        ):
            raise ValueError(
                f"SplitScores must be of one number of images and regions but got image_sizes"
                f" {self.image_sizes.shape}, {images} counts of {regions} regions, boxes_xyxy"
                f" {self.boxes_xyxy.shape} and member_scores {self.member_scores.shape}"
            )

    def predictions(
        self,
        scores: NDArray[np.float32],
        classes: tuple[ObjectClass, ...],
        config: DetectorConfig,
    ) -> Predictions:
        """Return the detections that scores ``(N, C + 1)`` of the regions lead to.

        Classes and config are those of `select_detections`; images are numbered from 0.
        """
        starts = np.cumsum(self.counts) - self.counts
        found = []
        for image, (size, start, count) in enumerate(
            zip(self.image_sizes.tolist(), starts.tolist(), self.counts.tolist(), strict=True)
        ):
            rows = slice(start, start + count)
            image_size = (size[0], size[1])
            boxes = self.boxes_xyxy[rows]
            found.append(
                (image, select_detections(boxes, scores[rows], classes, image_size, config))
            )
        return gather_predictions(found)

    def mean_ap(
        self,
        scores: NDArray[np.float32],
        truth: GroundTruth,
        classes: tuple[ObjectClass, ...],
        config: DetectorConfig,
    ) -> float:
        """Return the mAP by the rules of ILSVRC DET of what ``predictions`` returns."""
        predictions = self.predictions(scores, classes, config)
        class_ids = [one.id for one in classes]
        outcomes = match(
            truth, predictions, class_ids, protocol="ilsvrc", image_count=len(self.counts)
        )
        return score_outcomes(outcomes, class_ids).mean_ap


def gather_scores(scored: Iterable[MemberScored]) -> SplitScores:
    """Return the scores of images as one.

    Raises
    ------
    ValueError
        If there is no image.
    """
    # The pictures themselves are let go of one by one.
    images = [(p.image_size, p.boxes_xyxy, scores) for p, scores in scored]
    if not images:
        raise ValueError("there must be one or more images to score but got none")
    sizes, boxes, scores = zip(*images, strict=True)
    return SplitScores(
        image_sizes=np.array(sizes, np.int64),
        counts=np.array([len(one) for one in boxes], np.int64),
        boxes_xyxy=np.concatenate(boxes),
        member_scores=np.concatenate(scores, axis=1),
    )
