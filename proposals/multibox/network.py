"""The network: a backbone that looks at the whole image, and a head that predicts boxes."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from proposals.multibox.layout import (
    CONVOLUTIONAL_LAYERS,
    GLOBAL_WIDTHS,
    GRID_WIDTHS,
    LEVELS,
    POOLED_SIDE,
    VALUES,
    grid_cells,
    residual_scales,
)
from proposals.multibox.priors import PriorLevel, grid_priors

_FIRST_CONFIDENCE = 0.01  # of every prior before training: objects are rare


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
        self.register_buffer("priors", torch.from_numpy(priors))
        scales = torch.from_numpy(residual_scales(priors))
        self.register_buffer("scales", scales, persistent=False)

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
        super().__init__(grid_priors(grid_cells(size), LEVELS))
        self.reduce_4e = _convolution("reduce_4e")
        self.fine = _convolution("fine")
        self.reduce_5b = _convolution("reduce_5b")
        self.middle = _convolution("middle")
        self.halve = _convolution("halve")
        self.quarter = _convolution("quarter")
        self.predict = nn.ModuleList(
            _predictor(width, level) for width, level in zip(GRID_WIDTHS, LEVELS, strict=True)
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
            predict(grid).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, VALUES))  # (N, K, 5)
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

    def __init__(self, priors: NDArray[np.float32]) -> None:
        super().__init__(priors)
        coarse, reduced, hidden = GLOBAL_WIDTHS
        self.reduce = nn.Conv2d(coarse, reduced, 1)
        self.hidden = nn.Linear(reduced * POOLED_SIDE**2, hidden)
        self.predict = nn.Linear(hidden, VALUES * len(priors))
        with torch.no_grad():
            self.predict.weight.normal_(std=0.01)
            self.predict.bias.copy_(_first_bias(len(priors)))

    def forward(self, at_4e: Tensor, at_5b: Tensor) -> RawPredictions:  # noqa: ARG002 - one form
        """Predict from the maps of `Backbone.maps`."""
        pooled = F.adaptive_avg_pool2d(F.relu(self.reduce(at_5b)), POOLED_SIDE)
        hidden = F.relu(self.hidden(pooled.flatten(1)))
        return _split(self.predict(hidden).unflatten(1, (-1, VALUES)))


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


def _convolution(name: str) -> nn.Conv2d:
    layer = CONVOLUTIONAL_LAYERS[name]
    return nn.Conv2d(
        layer.inputs, layer.outputs, layer.side, stride=layer.stride, padding=layer.side // 2
    )


def _predictor(width: int, level: PriorLevel) -> nn.Conv2d:
    layer = nn.Conv2d(width, VALUES * level.per_cell, 1)
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
