"""What suppression, voting, soft suppression and fusion make of the same scores.

Command: ``python benchmarks/selection.py --root VOC --scores fold0.npz --weights
MEMBER.safetensors ...``, for scores that ``benchmarks/ensemble.py --split train --folds 0 --scores
fold0.npz`` kept; half a minute for 213 photographs. Each row is of the mean of those members,
and changes one thing. Points are paired against the first row, with 95 % intervals; COCO's mean AP
stands beside. Decide on photographs of `train` that no member learned from, not on `val`.

plain     R-CNN's suppression, at several overlaps (``DetectorConfig.nms_iou``)
voting    the same at 0.3, then voting (``DetectorConfig.voting_iou`` and ``voting_exponent``)
soft      Soft-NMS (Bodla et al. 2017), of the package ensemble-boxes
fusion    weighted boxes fusion (Solovyev et al. 2021), of that package: regions of a class that
          overlap become one box, whose score is the largest or the mean
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shared.split_file import Kept, digest_of, read_kept

from detector.classes import ObjectClass
from detector.config import DetectorConfig
from detector.datasets import detect_format, open_dataset
from detector.datasets.problems import refuse
from detector.detections.results import Detections
from detector.detections.selection import select_detections
from detector.engines import mean_scores
from detector.members.file import open_member
from detector.scoring import (
    GroundTruth,
    Protocol,
    bootstrap_outcomes,
    evaluate_coco,
    gather_ground_truth,
    gather_predictions,
    match,
    percentile_interval,
    score_outcomes,
)
from detector.training.split_scores import SplitScores
from proposals.boxes import clip_boxes

Floats = NDArray[np.float32]
OneClass = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""From boxes (N, 4) within the unit square and their scores (N,) to those that are kept."""

Row = dict[str, Any]

Select = Callable[[Floats, Floats, tuple[ObjectClass, ...], tuple[int, int]], Detections]
"""As `select_detections`, without the config."""

NMS_IOUS = (0.3, 0.2, 0.25, 0.35, 0.4, 0.5)
VOTING_IOUS = (0.4, 0.5, 0.6, 0.7)
EXPONENTS = (1.0, 2.0, 3.0, 4.0)
SOFT_SIGMAS = (0.1, 0.3, 0.5)
FUSION_IOUS = (0.4, 0.55, 0.7)


def main() -> None:
    """Print the table, and write it."""
    options = parse()
    kept = read_kept(options.scores)
    classes = open_member(options.weights[0]).settings.classes
    mean = mean_of_members(options, kept)
    judge = Judge(truth_of(options, kept, classes), classes, len(kept.scores.counts), options.rules)
    rows: list[Row] = []
    for what, select in ways():
        row = {"what": what, **judge.score(detections_of(kept.scores, mean, select, classes))}
        rows.append(row)
        print_row(row)
    if options.json is not None:
        content = {"images": judge.image_count, "rules": options.rules, "table": rows}
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--root", type=Path, required=True)
    add("--split", default="train", help="that the kept scores are of (default: train)")
    add("--scores", type=Path, required=True, help="file of ensemble.py --scores")
    add("--weights", type=Path, nargs="+", required=True, help="members whose mean is taken")
    add("--rules", choices=("ilsvrc", "voc2007", "voc"), default="voc2007")
    add("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


def mean_of_members(options: argparse.Namespace, kept: Kept) -> Floats:
    """Return the mean scores (R, C + 1) of the members that are named."""
    places = []
    for path in options.weights:
        digest = digest_of(path)
        if digest not in kept.members:
            raise SystemExit(f"{options.scores}: without scores of {path}: ensemble.py adds them")
        places.append(kept.members.index(digest))
    return mean_scores(kept.scores.member_scores[places])


def truth_of(
    options: argparse.Namespace, kept: Kept, classes: tuple[ObjectClass, ...]
) -> GroundTruth:
    """Return the objects of the images whose scores are kept."""
    split = open_dataset(options.root, options.split, detect_format(options.root), refuse)
    by_id = {annotation.image_id: annotation for annotation in split}
    return gather_ground_truth(enumerate(by_id[name] for name in kept.key["images"]), classes)


class Judge:
    """Scores detections, and compares them with the first that it was given."""

    def __init__(
        self,
        truth: GroundTruth,
        classes: tuple[ObjectClass, ...],
        image_count: int,
        rules: Protocol,
    ) -> None:
        self.image_count = image_count
        self._truth = truth
        self._class_ids = [one.id for one in classes]
        self._rules = rules
        self._first: tuple[float, NDArray[np.float64]] | None = None

    def score(self, detections: Iterable[Detections]) -> Row:
        """Return mAP, points against the first with their interval, and COCO's mean AP."""
        found = gather_predictions(enumerate(detections))
        given = (self._truth, found, self._class_ids)
        outcomes = match(*given, protocol=self._rules, image_count=self.image_count)
        mean_ap = score_outcomes(outcomes, self._class_ids).mean_ap
        drawn = bootstrap_outcomes(outcomes, self._class_ids, seed=0)
        first, first_drawn = self._first = self._first or (mean_ap, drawn)
        change = percentile_interval(100 * (mean_ap - first), 100 * (drawn - first_drawn))
        return {
            "mAP": mean_ap,
            "points": change.estimate,
            "points_interval": [change.low, change.high],
            "coco": evaluate_coco(*given, image_count=self.image_count).mean_ap,
        }


def print_row(row: Row) -> None:
    """Print one row as soon as it is known."""
    low, high = row["points_interval"]
    print(
        f"{row['what']:24} {row['mAP']:.4f}  {row['points']:+6.2f} [{low:+.2f}, {high:+.2f}]"
        f"  over 0.50 to 0.95 {row['coco']:.4f}",
        flush=True,
    )


def ways() -> Iterator[tuple[str, Select]]:
    """Yield what is compared, the plain way first."""
    plain = DetectorConfig()
    for iou in NMS_IOUS:
        yield f"plain, {iou:g}", by_config(replace(plain, nms_iou=iou))
    for iou in VOTING_IOUS:
        for exponent in EXPONENTS:
            voting = replace(plain, voting_iou=iou, voting_exponent=exponent)
            yield f"voting, {iou:g}, power {exponent:g}", by_config(voting)
    for sigma in SOFT_SIGMAS:
        yield f"soft, sigma {sigma:g}", partial(one_by_one, partial(soften, sigma=sigma))
    for iou in FUSION_IOUS:
        for kind in ("max", "avg"):
            fuse_so = partial(fuse, iou=iou, kind=kind)
            yield f"fusion, {iou:g}, {kind}", partial(one_by_one, fuse_so)


def by_config(config: DetectorConfig) -> Select:
    """Return what the detector does by a config."""
    return lambda *given: select_detections(*given, config)


def one_by_one(
    select: OneClass,
    boxes_xyxy: Floats,
    probabilities: Floats,
    classes: tuple[ObjectClass, ...],
    image_size: tuple[int, int],
) -> Detections:
    """Return what a function finds class by class, by the default floor and limit."""
    config, sides = DetectorConfig(), np.array([*image_size[::-1]] * 2, np.float32)
    boxes, scores = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
    labels: list[int] = []
    for label in range(len(classes)):
        of_class = probabilities[:, label + 1]
        candidates = of_class >= config.min_score
        if not candidates.any():
            continue
        found, worth = select(boxes_xyxy[candidates] / sides, of_class[candidates])
        best = np.argsort(-worth, kind="stable")[: config.max_detections_per_class]
        boxes.append((found[best] * sides).astype(np.float32))
        scores.append(worth[best])
        labels += [label] * len(best)
    joined = np.concatenate(scores)
    order = np.argsort(-joined, kind="stable")
    return Detections(
        boxes_xyxy=clip_boxes(np.concatenate(boxes)[order], image_size),
        scores=joined[order].astype(np.float32),
        labels=np.array(labels, np.int64)[order],
        classes=classes,
        image_size=image_size,
    )


def soften(boxes: Floats, scores: Floats, *, sigma: float) -> tuple[Floats, Floats]:
    """Lower the scores of boxes by their overlaps with better ones, after a Gaussian."""
    from ensemble_boxes import soft_nms

    found, worth, _ = soft_nms(
        [boxes], [scores], [np.zeros(len(boxes))], sigma=sigma, thresh=DetectorConfig.min_score
    )
    return found, worth


def fuse(boxes: Floats, scores: Floats, *, iou: float, kind: str) -> tuple[Floats, Floats]:
    """Make one box of those that overlap."""
    from ensemble_boxes import weighted_boxes_fusion

    found, worth, _ = weighted_boxes_fusion(
        [boxes], [scores], [np.zeros(len(boxes))], iou_thr=iou, conf_type=kind
    )
    return found, np.minimum(worth, 1)


def detections_of(
    split: SplitScores, mean: Floats, select: Select, classes: tuple[ObjectClass, ...]
) -> Iterator[Detections]:
    """Yield the detections of each image, by mean scores (R, C + 1) of all their regions."""
    ends = np.cumsum(split.counts).tolist()
    for size, end, count in zip(split.image_sizes.tolist(), ends, split.counts, strict=True):
        rows = slice(end - count, end)
        yield select(split.boxes_xyxy[rows], mean[rows], classes, (size[0], size[1]))


if __name__ == "__main__":
    main()
