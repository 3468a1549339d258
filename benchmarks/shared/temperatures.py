"""One temperature a member, so that the scores that are averaged mean the same.

A temperature T takes a softmax score p to p^(1/T), brought back to a sum of 1: above 1 it flattens,
below 1 it sharpens (Guo et al. 2017, "On calibration of modern neural networks").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from detector.datasets import ImageAnnotation
from detector.training.split_scores import SplitScores
from detector.training.windows import BACKGROUND, nearest_objects

_IOU: Final = 0.5  # from which a region shows an object
_LEAST: Final = 1e-9  # of a score whose logarithm is taken
_BOUNDS: Final = (0.1, 10.0)  # of temperatures


def fit_temperatures(
    split: SplitScores, annotations: Sequence[ImageAnnotation], class_keys: Sequence[str]
) -> list[float]:
    """Return the best temperature of each member on the regions of some photographs.

    Parameters
    ----------
    split : SplitScores
    annotations : sequence of ImageAnnotation
        Of the same photographs.
    class_keys : sequence of str
        `ObjectClass.key` of the columns 1 ... C of the scores.
    """
    labels = region_labels(split, annotations, class_keys)
    return [fit_temperature(scores, labels) for scores in split.member_scores]


def region_labels(
    split: SplitScores, annotations: Sequence[ImageAnnotation], class_keys: Sequence[str]
) -> NDArray[np.int64]:
    """Return the column ``(N,)`` of the scores that is right for each region.

    That is the class of the object that it overlaps most, where the IoU is 0.5 or more, and the
    background elsewhere. Objects of other classes are background.
    """
    label_of = {key: label for label, key in enumerate(class_keys, start=1)}
    starts = np.cumsum(split.counts)[:-1]
    labels = [np.zeros(0, np.int64)]
    for boxes, one in zip(np.split(split.boxes_xyxy, starts), annotations, strict=True):
        known = [i for i, key in enumerate(one.class_keys) if key in label_of]
        of_objects = np.array([label_of[one.class_keys[i]] for i in known], np.int64)
        nearest, ious = nearest_objects(boxes, one.boxes_xyxy[known], of_objects)
        labels.append(np.where(ious >= _IOU, nearest, BACKGROUND))
    return np.concatenate(labels)


def fit_temperature(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature of least mean negative log-likelihood of the labels.

    Parameters
    ----------
    scores : (N, C + 1) float32 array
        Softmax scores of one member.
    labels : (N,) int64 array
        The column that is right.
    """
    logs = _logs(scores)

    def loss(log_temperature: float) -> float:
        log_probs = logs / np.exp(log_temperature)  # (N, C + 1), up to a constant a row
        totals = np.log(np.exp(log_probs).sum(axis=1))
        return float(np.mean(totals - log_probs[np.arange(len(labels)), labels]))

    found = minimize_scalar(loss, bounds=np.log(_BOUNDS).tolist(), method="bounded")
    return float(np.exp(found.x))


def at_temperatures(
    member_scores: NDArray[np.float32], temperatures: Sequence[float]
) -> NDArray[np.float32]:
    """Return the scores ``(M, N, C + 1)`` of members, each at its temperature."""
    powers = np.exp(_logs(member_scores) / np.array(temperatures)[:, None, None])
    scores: NDArray[np.float32] = (powers / powers.sum(axis=2, keepdims=True)).astype(np.float32)
    return scores


def _logs(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.log(np.maximum(scores, _LEAST, dtype=np.float64))
