"""MultiBox's loss (Erhan et al. 2014, section 3), and the bipartite matching that it is least by.

Only training needs it, and SciPy with it: `proposals.multibox` does not import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchvision.ops import box_iou

ALPHA = 0.3
"""Weight of the location term (the paper's alpha)."""

_FINDS_IOU = 0.5  # from which a prediction finds an unclear object


class MultiBoxLoss(NamedTuple):
    """The two terms, each summed over a batch and divided by its number of matched pairs."""

    location: Tensor
    confidence: Tensor

    @property
    def total(self) -> Tensor:
        """F = alpha F_match + F_conf."""
        return ALPHA * self.location + self.confidence


def multibox_loss(
    residuals: Tensor,
    logits: Tensor,
    priors: Tensor,
    scales: Tensor,
    targets: Sequence[Tensor],
    unclear: Sequence[Tensor],
) -> MultiBoxLoss:
    """Match predictions with objects and return the loss.

    The assignment x minimises the loss itself: of an object with a prediction it costs
    alpha ½‖l - g‖² - log c + log(1 - c). Distances are measured in the units of the residuals,
    that is in shares of a prior's sides, so that small objects count as large ones do.

    Parameters
    ----------
    residuals : Tensor, (N, K, 4)
        What is added to the priors, in units of ``scales``.
    logits : Tensor, (N, K)
        Confidences before the sigmoid.
    priors, scales : Tensor, (K, 4)
    targets : sequence of N Tensors, (G, 4)
        True boxes in shares of the image.
    unclear : sequence of N Tensors, (D, 4)
        Boxes of what is neither an object nor none: a prediction that is matched with no object
        and overlaps one of these by half counts for nothing. Our choice.
    """
    location = confidence = logits.new_zeros(())
    pairs = 0
    for residual, logit, boxes, others in zip(residuals, logits, targets, unclear, strict=True):
        wanted = (boxes[:, None] - priors) / scales  # (G, K, 4)
        distances = (residual - wanted).square().sum(dim=2) / 2  # (G, K)
        objects, predictions = bipartite_matching(ALPHA * distances - logit)
        location = location + distances[objects, predictions].sum()
        counts = ~_finds(priors + residual * scales, others)  # (K,)
        counts[predictions] = True
        # All that count as if none were matched, -log(1 - c); then what matching adds to that:
        # -log c + log(1 - c) is the negated logit.
        confidence = confidence + F.softplus(logit[counts]).sum() - logit[predictions].sum()
        pairs += len(objects)
    return MultiBoxLoss(location / max(pairs, 1), confidence / max(pairs, 1))


def _finds(predicted: Tensor, unclear: Tensor) -> Tensor:
    """Return which predicted boxes (K, 4) overlap an unclear one (D, 4) by half or more."""
    ious = box_iou(predicted.detach(), unclear)  # (K, D)
    found: Tensor = (ious >= _FINDS_IOU).any(dim=1)
    return found


def bipartite_matching(costs: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
    objects, predictions = linear_sum_assignment(costs.detach().to("cpu", torch.float32).numpy())
    return objects, predictions
