"""Matching and average precision by the rules of ILSVRC DET, PASCAL VOC and COCO.

`docs/scoring.md` lays the four protocols side by side.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from detector.scoring.average_precision import PrecisionRecall, Score, precision_recall
from detector.scoring.coco import evaluate_coco
from detector.scoring.counting import counting_rows, is_asked_for
from detector.scoring.matching import find_objects, lie_in_crowd, match_objects_voc
from detector.scoring.outcomes import Outcomes, Protocol
from detector.scoring.records import Blacklist, GroundTruth, Predictions


def match(
    ground_truth: GroundTruth,
    predictions: Predictions,
    class_ids: Iterable[int],
    blacklist: Blacklist = frozenset(),
    *,
    protocol: Protocol,
    image_count: int,
) -> Outcomes:
    """Decide which detections count, and which of them find an object.

    Parameters
    ----------
    ground_truth : GroundTruth
        ILSVRC and COCO have no mark for difficult objects: there, those are objects as any.
        ILSVRC and VOC have none for crowds: there, a crowd box is not asked for, and a
        detection that finds no object but lies in it by half or more, as COCO measures it,
        counts neither way.
    predictions : Predictions
        Of the same images.
    class_ids : iterable of int
        The classes to look at; detections and objects of others are ignored.
    blacklist : frozenset of (image index, class id)
        There, detections count neither way, and objects are not asked for.
    protocol : Protocol
    image_count : int
        Number of images, those without objects and detections too.

    Returns
    -------
    Outcomes
        Of VOC's protocols in the order of ``predictions``; of ILSVRC by image, then in that
        order; of COCO by class and image, then by descending score. So the devkit of ILSVRC
        and pycocotools rank equal scores, by the image's number: image indices should rise
        with it.

    Raises
    ------
    ValueError
        If an object or a detection is of an image beyond their number.
    """
    wanted = frozenset(class_ids)
    if protocol == "coco":
        return evaluate_coco(
            ground_truth,
            predictions,
            wanted,
            blacklist,
            image_count=image_count,
            iou_thresholds=[0.5],
        ).outcomes
    ground_truth, predictions = counting_rows(
        ground_truth, predictions, wanted, blacklist, protocol
    )
    objects = ground_truth.where(~ground_truth.crowd)
    if protocol == "ilsvrc":
        found, ignored = find_objects(objects, predictions), np.zeros(len(predictions), np.bool_)
    else:
        rows, ignored = match_objects_voc(objects, predictions)
        found = rows >= 0
    asked = objects.where(is_asked_for(objects, protocol))
    crowd = ground_truth.where(ground_truth.crowd)
    counting = found | ~(ignored | lie_in_crowd(crowd, predictions))
    return Outcomes(
        protocol=protocol,
        image_count=image_count,
        image_indices=predictions.image_indices[counting],
        class_ids=predictions.class_ids[counting],
        scores=predictions.scores[counting],
        found=found[counting],
        object_image_indices=asked.image_indices,
        object_class_ids=asked.class_ids,
    )


def score_outcomes(outcomes: Outcomes, class_ids: Iterable[int]) -> Score:
    """Return the curves of the classes, and by them the average precision of the protocol."""
    by_class = np.argsort(outcomes.class_ids, kind="stable")
    sorted_ids = outcomes.class_ids[by_class]
    object_ids = np.sort(outcomes.object_class_ids)
    curves: dict[int, PrecisionRecall] = {}
    for class_id in dict.fromkeys(class_ids):
        start, stop = np.searchsorted(sorted_ids, [class_id, class_id + 1])
        first, last = np.searchsorted(object_ids, [class_id, class_id + 1])
        rows = by_class[start:stop]
        curves[class_id] = precision_recall(
            outcomes.scores[rows], outcomes.found[rows], int(last - first), outcomes.protocol
        )
    return Score(curves)
