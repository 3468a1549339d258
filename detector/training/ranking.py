"""Learning the order of proposals on images that MultiBox was not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from proposals import Proposals
from proposals.boxes import pairwise_iou
from proposals.ranking import FEATURES, Ranking, describe

LIKENESS_POWER = 2.0
_HIDDEN = 24
_STEPS = 3000
_ROWS = 4096  # boxes a step
# A box of this IoU with an object is worth nothing, and one of that everything.
_WORTHLESS, _PERFECT = 0.35, 0.85


class RankingData(NamedTuple):
    """Boxes of many images, and what each is worth."""

    features: NDArray[np.float32]  # (B, F)
    values: NDArray[np.float32]  # (B,), 0 to 1


def describe_image(
    selective_search: Proposals,
    multibox: Proposals,
    true_boxes_xyxy: NDArray[np.float32],
    unclear_xyxy: NDArray[np.float32],
) -> RankingData:
    """Return what a ranking learns from one image.

    Parameters
    ----------
    selective_search, multibox : Proposals
        Of the image.
    true_boxes_xyxy : ndarray, (G, 4)
        Its objects.
    unclear_xyxy : ndarray, (D, 4)
        Difficult objects and crowds. Nothing is learned from boxes that show one of these more
        than an object: nobody says what they are worth.
    """
    boxes = np.concatenate([selective_search.boxes_xyxy, multibox.boxes_xyxy])
    from_multibox = np.arange(len(boxes)) >= len(selective_search)
    confidences = np.concatenate([np.zeros(len(selective_search), np.float32), multibox.scores])
    ranks = np.concatenate([selective_search.ranks, multibox.ranks])
    features = describe(boxes, multibox.image_size, from_multibox, confidences, ranks)
    best, unclear = _best_ious(boxes, true_boxes_xyxy), _best_ious(boxes, unclear_xyxy)
    values = np.clip((best - _WORTHLESS) / (_PERFECT - _WORTHLESS), 0, 1).astype(np.float32)
    known = (unclear < _WORTHLESS) | (unclear <= best)
    return RankingData(features[known], values[known])


def _best_ious(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest IoU of each box with any of the others, 0 where there are none."""
    if len(others) == 0:
        return np.zeros(len(boxes), np.float32)
    best: NDArray[np.float32] = pairwise_iou(boxes, others).max(axis=1)
    return best


def learn_ranking(images: Iterable[RankingData], seed: int) -> Ranking:
    """Fit a small network by cross-entropy; the same data and seed give the same ranking."""
    parts = list(images)
    features = np.concatenate([part.features for part in parts])
    values = torch.from_numpy(np.concatenate([part.values for part in parts]))
    means, scales = features.mean(axis=0), features.std(axis=0) + 1e-3
    inputs = torch.from_numpy((features - means) / scales)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(len(FEATURES), _HIDDEN),
            nn.Tanh(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.Tanh(),
            nn.Linear(_HIDDEN, 1),
        )
        _fit(network, inputs, values)
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    return Ranking(
        means=means,
        scales=scales,
        layers=tuple((_array(layer.weight), _array(layer.bias)) for layer in layers),
        likeness_power=LIKENESS_POWER,
    )


def _fit(network: nn.Module, inputs: Tensor, values: Tensor) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        rows = torch.randint(len(inputs), (_ROWS,))
        loss = F.binary_cross_entropy_with_logits(network(inputs[rows])[:, 0], values[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().numpy().astype(np.float32)
