"""COCO's average precision of boxes, by pycocotools.

Everything is counted by pycocotools itself: 100 detections a class and image, crowds, 101
levels of recall. Here its input is made and its output is taken apart.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.scoring.counting import counting_rows
from detector.scoring.outcomes import Outcomes, check_images
from detector.scoring.records import Blacklist, GroundTruth, Predictions

if TYPE_CHECKING:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

MAX_DETECTIONS: Final = 100  # of a class in an image
_UNKNOWN: Final = -1  # stands in pycocotools' numbers for those of classes without objects
_ALL_AREAS: Final = (0, 1e5**2)  # pycocotools' own bounds of "all"


class CocoNumber(NamedTuple):
    """One of the twelve numbers that pycocotools prints.

    Attributes
    ----------
    name : str
        As COCO's page of detection metrics calls it, with s, m and l for small, medium, large.
    ious : str
    area : {"all", "small", "medium", "large"}
        Which objects are asked for: below 32 x 32 square pixels, to 96 x 96, and above.
    detections : int
        How many of a class in an image count, the surest.
    """

    name: str
    ious: str
    area: str
    detections: int


COCO_NUMBERS: Final = (
    CocoNumber("AP", "0.50:0.95", "all", 100),
    CocoNumber("AP50", "0.50", "all", 100),
    CocoNumber("AP75", "0.75", "all", 100),
    CocoNumber("APs", "0.50:0.95", "small", 100),
    CocoNumber("APm", "0.50:0.95", "medium", 100),
    CocoNumber("APl", "0.50:0.95", "large", 100),
    CocoNumber("AR1", "0.50:0.95", "all", 1),
    CocoNumber("AR10", "0.50:0.95", "all", 10),
    CocoNumber("AR100", "0.50:0.95", "all", 100),
    CocoNumber("ARs", "0.50:0.95", "small", 100),
    CocoNumber("ARm", "0.50:0.95", "medium", 100),
    CocoNumber("ARl", "0.50:0.95", "large", 100),
)
"""In the order of `COCOeval.stats`; AP is average precision, AR average recall."""


@dataclass(frozen=True, eq=False)
class CocoResult:
    """What pycocotools says of a set of predictions.

    Attributes
    ----------
    outcomes : Outcomes
        At the first IoU threshold. Detections beyond the hundredth of a class and image and
        those that pycocotools ignores are not among them.
    numbers : dict of str to float
        What pycocotools prints, by the names in `COCO_NUMBERS`; nan where it prints -1, as no
        object is asked for. Empty where the IoU thresholds are not COCO's.
    mean_ap : float
        Mean over classes and IoU thresholds; nan if no class has objects.
    mean_ap_by_iou : dict of float to float
        Mean over classes by IoU threshold, which is rounded to two decimals.
    ap_by_class : dict of int to float
        Mean over IoU thresholds by class id; nan for a class without objects.
    """

    outcomes: Outcomes
    numbers: dict[str, float]
    mean_ap: float
    mean_ap_by_iou: dict[float, float]
    ap_by_class: dict[int, float]


def evaluate_coco(
    ground_truth: GroundTruth,
    predictions: Predictions,
    class_ids: Iterable[int],
    blacklist: Blacklist = frozenset(),
    *,
    image_count: int,
    iou_thresholds: Sequence[float] | None = None,
) -> CocoResult:
    """Evaluate boxes with pycocotools.

    Parameters
    ----------
    ground_truth : GroundTruth
        With crowds and areas; COCO has no mark for difficult objects, so they are objects.
    predictions : Predictions
    class_ids : iterable of int
    blacklist : frozenset of (image index, class id)
        There, detections count neither way, and objects are not asked for.
    image_count : int
        Number of images, those without objects and detections too.
    iou_thresholds : sequence of float, optional
        COCO's ten, 0.5 to 0.95, when left out.

    Raises
    ------
    ValueError
        If an object or a detection is of an image beyond their number.
    ImportError
        If pycocotools is not there.
    """
    from pycocotools.cocoeval import COCOeval

    wanted = sorted(set(class_ids))
    ground_truth, predictions = counting_rows(ground_truth, predictions, wanted, blacklist, "coco")
    check_images(image_count, ground_truth.image_indices, predictions.image_indices)
    with redirect_stdout(io.StringIO()):  # it reports on every step
        evaluator = COCOeval(
            _index(_object_records(ground_truth), wanted, image_count),
            _index(_detection_records(predictions), wanted, image_count),
            "bbox",
        )
        if iou_thresholds is not None:  # then nothing is printed, and the rest need not be known
            evaluator.params.areaRng = [list(_ALL_AREAS)]
            evaluator.params.areaRngLbl = ["all"]
            evaluator.params.maxDets = [MAX_DETECTIONS]
            evaluator.params.iouThrs = np.array(iou_thresholds, np.float64)
        evaluator.evaluate()
        evaluator.accumulate()
        if iou_thresholds is None:
            evaluator.summarize()
    precision = evaluator.eval["precision"][:, :, :, 0, -1]  # (T, 101, classes)
    printed = [] if iou_thresholds is not None else evaluator.stats.tolist()
    return CocoResult(
        outcomes=_outcomes(evaluator, image_count),
        numbers={
            number.name: nan if value == _UNKNOWN else value
            for number, value in zip(COCO_NUMBERS, printed, strict=False)
        },
        mean_ap=_mean_of_known(precision),
        mean_ap_by_iou={
            round(float(iou), 2): _mean_of_known(precision[place])
            for place, iou in enumerate(evaluator.params.iouThrs)
        },
        ap_by_class={
            class_id: _mean_of_known(precision[:, :, place])
            for place, class_id in enumerate(wanted)
        },
    )


def _object_records(ground_truth: GroundTruth) -> list[dict[str, Any]]:
    return [
        {**record, "iscrowd": int(crowd), "area": area}
        for record, crowd, area in zip(
            _records(ground_truth), ground_truth.crowd.tolist(), ground_truth.areas.tolist(),
            strict=True,
        )
    ]  # fmt: skip


def _detection_records(predictions: Predictions) -> list[dict[str, Any]]:
    return [
        {**record, "iscrowd": 0, "area": record["bbox"][2] * record["bbox"][3], "score": score}
        for record, score in zip(_records(predictions), predictions.scores.tolist(), strict=True)
    ]


def _records(rows: GroundTruth | Predictions) -> list[dict[str, Any]]:
    """Return what COCO's files hold of objects and detections alike."""
    xywh = rows.boxes_xyxy.astype(np.float64)
    xywh[:, 2:] -= xywh[:, :2]
    return [
        # Numbered from 1: to pycocotools, a match with 0 is no match.
        {"id": number, "image_id": image, "category_id": class_id, "bbox": box}
        for number, (image, class_id, box) in enumerate(
            zip(rows.image_indices.tolist(), rows.class_ids.tolist(), xywh.tolist(), strict=True),
            start=1,
        )
    ]


def _index(records: list[dict[str, Any]], class_ids: Sequence[int], image_count: int) -> COCO:
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = {
        "images": [{"id": index} for index in range(image_count)],
        "categories": [{"id": class_id, "name": str(class_id)} for class_id in class_ids],
        "annotations": records,
    }
    coco.createIndex()
    return coco


def _mean_of_known(precision: NDArray[np.float64]) -> float:
    """Return the mean as pycocotools takes it, of the classes with objects."""
    known = precision[precision > _UNKNOWN]
    return float(np.mean(known)) if len(known) else nan


def _outcomes(evaluator: COCOeval, image_count: int) -> Outcomes:
    """Gather what each image and class came to at the first IoU threshold, sizes together.

    Of equal scores in a class pycocotools ranks the earlier image first, in it the earlier row;
    detections stand so.
    """
    everything = evaluator.params.areaRng[0]
    pairs = [pair for pair in evaluator.evalImgs if pair is not None and pair["aRng"] == everything]
    counting = [~np.asarray(pair["dtIgnore"][0], np.bool_) for pair in pairs]
    found = [np.asarray(pair["dtMatches"][0]) > 0 for pair in pairs]
    scores = [np.asarray(pair["dtScores"], np.float64) for pair in pairs]
    kept = np.concatenate([np.zeros(0, np.bool_), *counting])
    asked = [int(np.count_nonzero(np.asarray(pair["gtIgnore"]) == 0)) for pair in pairs]
    counts = [int(np.count_nonzero(one)) for one in counting]
    images = np.array([pair["image_id"] for pair in pairs], np.int64)
    classes = np.array([pair["category_id"] for pair in pairs], np.int64)
    return Outcomes(
        protocol="coco",
        image_count=image_count,
        image_indices=np.repeat(images, counts),
        class_ids=np.repeat(classes, counts),
        scores=np.concatenate([np.zeros(0), *scores])[kept],
        found=np.concatenate([np.zeros(0, np.bool_), *found])[kept],
        object_image_indices=np.repeat(images, asked),
        object_class_ids=np.repeat(classes, asked),
    )
