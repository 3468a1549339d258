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
from detector.scoring import GroundTruth, bootstrap_map, percentile_interval
from detector.split_scores import SplitScores

Row = dict[str, Any]
_SEED = 0
_LEAST = 1e-9  # of a softmax score whose logarithm is taken


class Judged(NamedTuple):
    """The mAP of some detections, and of the same on drawn images."""

    mean_ap: float
    draws: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judge:
    """Works out the mAP that scores of the regions lead to."""

    split: SplitScores
    truth: GroundTruth
    classes: tuple[ObjectClass, ...]
    config: DetectorConfig

    def mean_ap(self, scores: NDArray[np.float32]) -> float:
        """Return the mAP of scores ``(N, C + 1)``."""
        return self.split.mean_ap(scores, self.truth, self.classes, self.config)

    def judged(self, scores: NDArray[np.float32]) -> Judged:
        """Return the mAP of scores ``(N, C + 1)``, and that on drawn images."""
        draws = bootstrap_map(
            self.truth,
            self.split.predictions(scores, self.classes, self.config),
            [one.id for one in self.classes],
            image_count=len(self.split.counts),
            seed=_SEED,
        )
        return Judged(self.mean_ap(scores), draws)


def ensemble_rows(judge: Judge, names: Sequence[str], thresholds: Sequence[float]) -> Iterator[Row]:
    """Yield the rows of the table.

    Members stand first, then means of the first members, each against the mean member; then
    cascades with the first member in front, against the mean of all.
    """
    by_member = judge.split.member_scores
    alone = [judge.judged(scores) for scores in by_member]
    average = Judged(
        float(np.mean([one.mean_ap for one in alone])),
        np.mean([one.draws for one in alone], axis=0),
    )
    for name, one in zip(names, alone, strict=True):
        yield _row(f"member {name}", one, average)
    yield _row("mean member", average, average)
    exact = alone[0]
    for count in range(2, len(by_member) + 1):
        exact = judge.judged(mean_scores(by_member[:count]))
        yield _row(f"first {count}, mean", exact, average)
        logs = judge.judged(geometric_mean(by_member[:count]))
        yield _row(f"first {count}, mean of logs", logs, average)
        yield {"what": f"any {count}, mean", **subsets_of(judge, count, average.mean_ap)}
    for threshold in thresholds if len(by_member) > 1 else ():
        found = judge.judged(apply_cascade(by_member, threshold))
        share = float(survivors(by_member[0], threshold).mean())
        yield {**_row(f"cascade at {threshold:g}", found, exact), "survive": share}


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
    interval = percentile_interval(found.mean_ap, found.draws)
    points = 100 * (found.mean_ap - against.mean_ap)
    gain = percentile_interval(points, 100 * (found.draws - against.draws))
    return {
        "what": what,
        "mAP": found.mean_ap,
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
    if "survive" in row:
        line += f"  {100 * row['survive']:5.1f} % go on"
    print(line, flush=True)


def print_header(what: str) -> None:
    """Print what the rows are of, and the columns."""
    print(what)
    print(
        f"{'':28} {'mAP':6} {'95 % interval':16}  points against mean member, or of cascades exact"
    )
