"""Cheap evidence first: one member scores every region, all members those that can matter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engines.engine import mean_scores


def survivors(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return which regions all members are to score.

    Parameters
    ----------
    scores : (R, C + 1) float32 array
        Of the first member; column 0 is the background.
    threshold : float
        Least score of any class.

    Returns
    -------
    (R,) bool array
    """
    going_on: NDArray[np.bool_] = scores[:, 1:].max(axis=1) >= threshold
    return going_on


def apply_cascade(member_scores: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Return the scores that a cascade gives, from what every member gives every region.

    Parameters
    ----------
    member_scores : (M, R, C + 1) float32 array
    threshold : float
        As in `survivors`; at 0 the result is the mean of all members.

    Returns
    -------
    (R, C + 1) float32 array
    """
    scores: NDArray[np.float32] = member_scores[0].copy()
    going_on = survivors(scores, threshold)
    scores[going_on] = mean_scores(member_scores[:, going_on])
    return scores
