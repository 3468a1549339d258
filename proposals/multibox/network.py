"""The network: a backbone that looks at the whole image, and a head that predicts boxes."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from proposals.multibox.priors import PriorLevel, grid_priors

_FIRST_CONFIDENCE = 0.01  # of every prior before training: objects are rare
_STEP = 0.1  # a residual of 1 moves an edge by this share of the prior's side

# Shapes follow the training boxes of ILSVRC-like photographs: half of them have sides of 0.15
# to 0.57 of the image, and they are rather tall once the image is made square.
_ASPECTS = (0.35, 0.7, 1.4)
LEVELS = (
    PriorLevel((0.075, 0.11), _ASPECTS),
    PriorLevel((0.16, 0.23), _ASPECTS),
    PriorLevel((0.33, 0.46), _ASPECTS),
    PriorLevel((0.62, 0.78), _ASPECTS),
    PriorLevel((0.94,), _ASPECTS),
)
"""Priors of `ConvolutionalHead`, finest grid first."""


class Backbone(Protocol):
    """What a head stands on, for example ``backbones.GoogLeNet``."""

    def stem(self, x: Tensor) -> Tensor:
        """Map images (N, 3, S, S) to (N, 480, S / 16, S / 16)."""

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map the stem's output to (N, 832, S / 16, S / 16) and (N, 1024, S / 32, S / 32)."""


class RawPredictions(NamedTuple):
    """What a head gives: (N, K, 4) residuals in units of ``scales``, (N, K) logits."""

    residuals: Tensor
    logits: Tensor


class Head(nn.Module):
    """What both kinds of heads share: priors and the units of their residuals.

    Parameters
    ----------
    priors : ndarray, (K, 4) float32
        In shares of the image.
    """

    priors: Tensor
    scales: Tensor

    def __init__(self, priors: NDArray[np.float32]) -> None:
        super().__init__()
        boxes = torch.from_numpy(priors)
        sides = boxes[:, 2:] - boxes[:, :2]  # (K, 2)
        self.register_buffer("priors", boxes)
        self.register_buffer("scales", _STEP * sides.repeat(1, 2), persistent=False)

    def forward(self, at_4e: Tensor, at_5b: Tensor) -> RawPredictions:
        """Predict from the maps of `Backbone.maps`."""
        raise NotImplementedError


class ConvolutionalHead(Head):
    """Multi-scale convolutional priors: five grids, fine ones for small objects.

    Parameters
    ----------
    size : int
        Height and width of the input in pixels; the grids have size / 16 cells a side, / 32,
        / 64, / 128 (each rounded up) and 1.
    """

    def __init__(self, size: int) -> None:
        halved = [-(-size // stride) for stride in (16, 32, 64, 128)]
        super().__init__(grid_priors([*halved, 1], LEVELS))
        self.reduce_4e = nn.Conv2d(832, 96, 1)
        self.fine = nn.Conv2d(96, 96, 3, padding=1)
        self.reduce_5b = nn.Conv2d(1024, 160, 1)
        self.middle = nn.Conv2d(160, 160, 3, padding=1)
        self.halve = nn.Conv2d(160, 128, 3, stride=2, padding=1)
        self.quarter = nn.Conv2d(128, 128, 3, stride=2, padding=1)
        self.predict = nn.ModuleList(
            _predictor(width, level)
            for width, level in zip((96, 160, 128, 128, 128), LEVELS, strict=True)
        )

    def forward(self, at_4e: Tensor, at_5b: Tensor) -> RawPredictions:
        """Predict from the maps of `Backbone.maps`."""
        fine = F.relu(self.fine(F.relu(self.reduce_4e(at_4e))))  # (N, 96, S/16, S/16)
        middle = F.relu(self.middle(F.relu(self.reduce_5b(at_5b))))  # (N, 160, S/32, S/32)
        coarse = F.relu(self.halve(middle))
        coarsest = F.relu(self.quarter(coarse))
        whole = coarsest.mean(dim=(2, 3), keepdim=True)  # (N, 128, 1, 1)
        grids = (fine, middle, coarse, coarsest, whole)
        raw = [
            predict(grid).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 5))  # (N, K, 5)
            for predict, grid in zip(self.predict, grids, strict=True)
        ]
        return _split(torch.cat(raw, dim=1))


class GlobalHead(Head):
    """The paper's head: fully connected layers over the whole image, for priors anywhere.

    Parameters
    ----------
    priors : ndarray, (K, 4) float32
        Of `kmeans_priors`.
    """

    _GRID = 7

    def __init__(self, priors: NDArray[np.float32]) -> None:
        super().__init__(priors)
        self.reduce = nn.Conv2d(1024, 48, 1)
        self.hidden = nn.Linear(48 * self._GRID**2, 160)
        self.predict = nn.Linear(160, 5 * len(priors))
        with torch.no_grad():
            self.predict.weight.normal_(std=0.01)
            self.predict.bias.copy_(_first_bias(len(priors)))

    def forward(self, at_4e: Tensor, at_5b: Tensor) -> RawPredictions:  # noqa: ARG002 - one form
        """Predict from the maps of `Backbone.maps`."""
        pooled = F.adaptive_avg_pool2d(F.relu(self.reduce(at_5b)), self._GRID)
        hidden = F.relu(self.hidden(pooled.flatten(1)))
        return _split(self.predict(hidden).unflatten(1, (-1, 5)))


class MultiBoxNetwork(nn.Module):
    """A backbone with a head.

    Parameters
    ----------
    backbone : Backbone
        Also an ``nn.Module``.
    head : Head
    size : int
        Height and width of the input in pixels.
    """

    def __init__(self, backbone: Backbone, head: Head, size: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.size = size

    def forward(self, images: Tensor) -> RawPredictions:
        """Map images (N, 3, size, size), as the backbone wants them, to raw predictions."""
        predictions: RawPredictions = self.head(*self.backbone.maps(self.backbone.stem(images)))
        return predictions


def decode(residuals: Tensor, priors: Tensor, scales: Tensor) -> Tensor:
    """Return boxes (..., K, 4) in shares of the image, inside it, edges in order.

    Parameters
    ----------
    residuals : Tensor, (..., K, 4)
    priors, scales : Tensor, (K, 4)
    """
    edges = (priors + residuals * scales).clamp(0, 1)
    low = torch.minimum(edges[..., :2], edges[..., 2:])
    high = torch.maximum(edges[..., :2], edges[..., 2:])
    return torch.cat([low, high], dim=-1)


def _predictor(width: int, level: PriorLevel) -> nn.Conv2d:
    layer = nn.Conv2d(width, 5 * level.per_cell, 1)
    with torch.no_grad():
        layer.weight.normal_(std=0.01)
        assert layer.bias is not None  # noqa: S101 - for the type checker
        layer.bias.copy_(_first_bias(level.per_cell))
    return layer


def _first_bias(count: int) -> Tensor:
    odds = _FIRST_CONFIDENCE / (1 - _FIRST_CONFIDENCE)
    logit = float(np.log(odds))
    return torch.tensor([0.0, 0.0, 0.0, 0.0, logit]).repeat(count)


def _split(raw: Tensor) -> RawPredictions:
    return RawPredictions(raw[..., :4], raw[..., 4])
