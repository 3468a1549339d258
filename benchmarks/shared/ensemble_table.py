"""What members of an ensemble are worth, alone, averaged and in a cascade; from kept scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.cascade import apply_cascade, survivors
from detector.classes import ObjectClass
from detector.config import DetectorConfig
from detector.engines import mean_scores
from detector.scoring import (
    GroundTruth,
    Outcomes,
    Protocol,
    bootstrap_outcomes,
    match,
    mean_ap_interval,
    percentile_interval,
    score_outcomes,
)
from detector.training.split_scores import SplitScores
from proposals.boxes import pairwise_iou
from proposals.evaluation.bootstrap import Interval
from proposals.nms import non_maximum_suppression
from shared.temperatures import at_temperatures

Row = dict[str, Any]
_SEED = 0
_LEAST = 1e-9  # of a softmax score whose logarithm is taken


class Judged(NamedTuple):
    """The mAP of some detections with its interval, and that of the same on drawn images."""

    mean_ap: Interval
    resampled: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judge:
    """Works out the mAP that scores of the regions lead to."""

    split: SplitScores
    truth: GroundTruth
    classes: tuple[ObjectClass, ...]  # of the scores
    judged: tuple[ObjectClass, ...]  # whose mean is taken
    config: DetectorConfig
    protocol: Protocol

    def mean_ap(self, scores: NDArray[np.float32]) -> float:
        """Return the mAP of scores ``(N, C + 1)``."""
        return score_outcomes(self._outcomes(scores), self._class_ids).mean_ap

    def judge(self, scores: NDArray[np.float32]) -> Judged:
        """Return the mAP of scores ``(N, C + 1)``, and that on bootstrap resamples."""
        outcomes = self._outcomes(scores)
        return Judged(
            mean_ap_interval(outcomes, score_outcomes(outcomes, self._class_ids)),
            bootstrap_outcomes(outcomes, self._class_ids, seed=_SEED),
        )

    @property
    def _class_ids(self) -> list[int]:
        return [one.id for one in self.judged]

    def _outcomes(self, scores: NDArray[np.float32]) -> Outcomes:
        return match(
            self.truth,
            self.split.predictions(scores, self.classes, self.config),
            self._class_ids,
            protocol=self.protocol,
            image_count=len(self.split.counts),
        )

    def mean_of_detections(self, member_scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores ``(N, C + 1)`` of what members detect each by itself.

        Of a class, the best detection of any member stands for those that it would suppress,
        with the mean of each member's best of them; a member without any counts as 0. All other
        regions have 0.
        """
        kept = np.stack([self._kept_by_suppression(scores) for scores in member_scores])
        found = np.zeros_like(kept[0])
        for rows in self._rows_by_image():
            boxes = self.split.boxes_xyxy[rows]
            together = pairwise_iou(boxes, boxes) > self.config.nms_iou
            np.fill_diagonal(together, val=True)  # a box without area overlaps not even itself
            for column in range(1, found.shape[1]):
                left = kept[:, rows, column]  # (M, R)
                while left.any():
                    best = int(left.max(axis=0).argmax())
                    near = together[best]
                    found[rows[best], column] = left[:, near].max(axis=1).mean()
                    left[:, near] = 0
        return found

    def _kept_by_suppression(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores ``(N, C + 1)``, with 0 for what suppression drops from a class."""
        boxes, kept = self.split.boxes_xyxy, np.zeros_like(scores)
        for rows in self._rows_by_image():
            for column in range(1, scores.shape[1]):
                candidates = rows[scores[rows, column] >= self.config.min_score]
                chosen = candidates[
                    non_maximum_suppression(
                        boxes[candidates], scores[candidates, column], self.config.nms_iou
                    )
                ]
                kept[chosen, column] = scores[chosen, column]
        return kept

    def _rows_by_image(self) -> list[NDArray[np.int64]]:
        rows = np.arange(len(self.split.boxes_xyxy))
        return np.split(rows, np.cumsum(self.split.counts)[:-1])


def ensemble_rows(
    judge: Judge,
    names: Sequence[str],
    thresholds: Sequence[float],
    temperatures: Sequence[float] | None = None,
) -> Iterator[Row]:
    """Yield the rows of the table.

    Members stand first, then means of the first members, each against the mean member. Against
    the mean of all stand other means of all, and cascades with the first member in front.
    """
    by_member = judge.split.member_scores
    alone = [judge.judge(scores) for scores in by_member]
    average = _mean_of(alone)
    for name, one in zip(names, alone, strict=True):
        yield _row(f"member {name}", one, average)
    yield _row("mean member", average, average)
    if len(by_member) == 1:
        return
    for count in range(2, len(by_member) + 1):
        for name, scores in _means(by_member[:count], temperatures):
            yield _row(f"first {count}, {name}", judge.judge(scores), average)
        yield {"what": f"any {count}, mean", **subsets_of(judge, count, average.mean_ap.estimate)}
    exact = judge.judge(mean_scores(by_member))
    if temperatures is not None:
        calibrated = judge.judge(mean_scores(at_temperatures(by_member, temperatures)))
        yield {**_row("calibrated mean", calibrated, exact), "temperatures": list(temperatures)}
    yield _row("mean of detections", judge.judge(judge.mean_of_detections(by_member)), exact)
    for threshold in thresholds:
        found = judge.judge(apply_cascade(by_member, threshold))
        share = float(survivors(by_member[0], threshold).mean())
        yield {**_row(f"cascade at {threshold:g}", found, exact), "survive": share}


def _mean_of(some: Sequence[Judged]) -> Judged:
    """Return their mean. Its interval is no wider than the mean of theirs, which it gets."""
    intervals = [(one.mean_ap.estimate, one.mean_ap.low, one.mean_ap.high) for one in some]
    return Judged(
        Interval(*np.mean(intervals, axis=0).tolist()),
        np.mean([one.resampled for one in some], axis=0),
    )


def _means(
    member_scores: NDArray[np.float32], temperatures: Sequence[float] | None
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the means of members with their names."""
    yield "mean", mean_scores(member_scores)
    yield "mean of logs", geometric_mean(member_scores)
    if temperatures is not None:
        calibrated = at_temperatures(member_scores, temperatures[: len(member_scores)])
        yield "calibrated mean", mean_scores(calibrated)


def geometric_mean(member_scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the softmax of the mean logarithm: ``(M, N, C + 1)`` to ``(N, C + 1)``."""
    product = np.exp(np.log(np.maximum(member_scores, _LEAST)).mean(axis=0))
    mean: NDArray[np.float32] = (product / product.sum(axis=1, keepdims=True)).astype(np.float32)
    return mean


def subsets_of(judge: Judge, count: int, against: float) -> Row:
    """Return the mean mAP of all ensembles of ``count`` members, and the least and largest."""
    by_member = judge.split.member_scores
    maps = [
        judge.mean_ap(mean_scores(by_member[list(chosen)]))
        for chosen in combinations(range(len(by_member)), count)
    ]
    mean = float(np.mean(maps))
    return {
        "mAP": mean,
        "points": 100 * (mean - against),
        "subsets": {"count": len(maps), "least": min(maps), "largest": max(maps)},
    }


def _row(what: str, found: Judged, against: Judged) -> Row:
    interval = found.mean_ap
    points = 100 * (interval.estimate - against.mean_ap.estimate)
    gain = percentile_interval(points, 100 * (found.resampled - against.resampled))
    return {
        "what": what,
        "mAP": interval.estimate,
        "interval": [interval.low, interval.high],
        "points": points,
        "points_interval": [gain.low, gain.high],
    }


def print_row(row: Row) -> None:
    """Print one row as soon as it is known."""
    line = f"{row['what']:28} {row['mAP']:.4f}"
    if "interval" in row:
        line += " [{:.4f}, {:.4f}]".format(*row["interval"])
        line += f"  {row['points']:+6.2f}" + " [{:+.2f}, {:+.2f}]".format(*row["points_interval"])
    else:
        subsets = row["subsets"]
        line += f" of {subsets['count']:2}, best {subsets['largest']:.4f}"
        line += f" {row['points']:+6.2f}"
    if "temperatures" in row:
        line += "  at " + " ".join(f"{one:.3f}" for one in row["temperatures"])
    if "survive" in row:
        line += f"  {100 * row['survive']:5.1f} % go on"
    print(line, flush=True)


def print_header(what: str) -> None:
    """Print what the rows are of, and the columns."""
    print(what)
    against = "points against mean member, further down against the mean of all"
    print(f"{'':28} {'mAP':6} {'95 % interval':16}  {against}")
