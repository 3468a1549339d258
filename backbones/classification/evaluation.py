"""How often a classifier is wrong on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbones.classification.classifier import ImageClassifier


@dataclass(frozen=True)
class ErrorRates:
    """Shares of pictures whose class was not among the first.

    Attributes
    ----------
    pictures : int
        That could be read.
    top1, top5 : float
        Share of them, 0 to 1, whose class is not the most probable, or not among the five most
        probable; not a number where there are none.
    """

    pictures: int
    top1: float
    top5: float


def error_rates(
    classifier: ImageClassifier,
    paths: Sequence[Path],
    labels: Sequence[int],
    crops: int,
    read: Callable[[Path], NDArray[np.uint8]],
    report_skipped: Callable[[str], None],
    report: Callable[[int], None],
) -> ErrorRates:
    """Classify labelled pictures and count the errors.

    Parameters
    ----------
    classifier : ImageClassifier
    paths : sequence of Path
    labels : sequence of int
        The true class of each, as the network's output.
    crops : {1, 10, 144}
        Crops of a picture to average over.
    read : callable
        From a path to (H, W, 3) uint8 RGB; raises ValueError where that cannot be.
    report_skipped : callable
        Called for each picture that cannot be read, with the reason.
    report : callable
        Called with the number of pictures done.

    Raises
    ------
    ValueError
        If ``crops`` is none of these.
    """
    ranks = []
    for done, (path, label) in enumerate(zip(paths, labels, strict=True), start=1):
        try:
            image = read(path)
        except ValueError as error:
            report_skipped(str(error))
        else:
            ranks.append(_rank(classifier.probabilities(image, crops), label))
        report(done)
    found = np.array(ranks, np.int64)
    if len(found) == 0:
        return ErrorRates(0, float("nan"), float("nan"))
    return ErrorRates(len(found), float((found >= 1).mean()), float((found >= 5).mean()))


def _rank(scores: NDArray[np.float32], label: int) -> int:
    """Return how many classes are more probable than the true one; of equals the first wins."""
    return int((scores > scores[label]).sum() + (scores[:label] == scores[label]).sum())
