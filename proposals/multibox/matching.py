"""Bipartite matching of true boxes and predictions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def match(costs: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each object a prediction of its own so that the sum of costs is least.

    Parameters
    ----------
    costs : Tensor, (G, K)
        Finite cost of each object with each prediction.

    Returns
    -------
    objects, predictions : ndarray, (M,) int64
        The matched pairs, M = min(G, K); no index comes twice.
    """
    from scipy.optimize import linear_sum_assignment

    objects, predictions = linear_sum_assignment(costs.detach().to("cpu", torch.float32).numpy())
    return objects, predictions
