"""MultiBox's heads in numbers: what any engine needs to build them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from proposals.multibox.priors import FloatArray, PriorLevel

VALUES: Final = 5
"""What is predicted of a prior: four residuals and a logit."""

# Shapes follow the training boxes of ILSVRC-like photographs: half of them have sides of 0.15
# to 0.57 of the image, and they are rather tall once the image is made square.
_ASPECTS = (0.35, 0.7, 1.4)
LEVELS: Final = (
    PriorLevel((0.075, 0.11), _ASPECTS),
    PriorLevel((0.16, 0.23), _ASPECTS),
    PriorLevel((0.33, 0.46), _ASPECTS),
    PriorLevel((0.62, 0.78), _ASPECTS),
    PriorLevel((0.94,), _ASPECTS),
)
"""Priors of the convolutional head, finest grid first."""


class ConvLayer(NamedTuple):
    """A convolution, padded so that a stride of 1 keeps the grid."""

    outputs: int
    inputs: int
    side: int
    stride: int = 1


CONVOLUTIONAL_LAYERS: Final[Mapping[str, ConvLayer]] = MappingProxyType(
    {
        "reduce_4e": ConvLayer(96, 832, 1),
        "fine": ConvLayer(96, 96, 3),
        "reduce_5b": ConvLayer(160, 1024, 1),
        "middle": ConvLayer(160, 160, 3),
        "halve": ConvLayer(128, 160, 3, stride=2),
        "quarter": ConvLayer(128, 128, 3, stride=2),
    }
)
"""Of the convolutional head, in front of a predictor for each of `LEVELS`."""

GRID_WIDTHS: Final = (96, 160, 128, 128, 128)
"""Channels that the predictor of each of `LEVELS` sees."""

POOLED_SIDE: Final = 7
"""Cells along a side of what the global head sees."""

GLOBAL_WIDTHS: Final = (1024, 48, 160)
"""Channels of the coarse map, those it is reduced to, and the units of the hidden layer."""

_STEP = 0.1  # a residual of 1 moves an edge by this share of the prior's side


def head_shapes(head: str, count: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a head for ``count`` priors, by name.

    Parameters
    ----------
    head : {"convolutional", "global"}
    count : int
    """
    layers = _convolutional() if head == "convolutional" else _global(count)
    shapes: dict[str, tuple[int, ...]] = {"priors": (count, 4)}
    for name, shape in layers.items():
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = shape[:1]
    return shapes


def grid_cells(size: int) -> tuple[int, ...]:
    """Return the cells along a side of each grid of `LEVELS`, for an input of ``size`` pixels."""
    return (*(-(-size // stride) for stride in (16, 32, 64, 128)), 1)


def residual_scales(priors: FloatArray) -> FloatArray:
    """Return the units (K, 4) of what the network adds to the edges of priors (K, 4)."""
    sides = priors[:, 2:] - priors[:, :2]  # (K, 2)
    return (np.float32(_STEP) * np.concatenate([sides, sides], axis=1)).astype(np.float32)


def _convolutional() -> dict[str, tuple[int, ...]]:
    layers: dict[str, tuple[int, ...]] = {
        name: (one.outputs, one.inputs, one.side, one.side)
        for name, one in CONVOLUTIONAL_LAYERS.items()
    }
    for number, (width, level) in enumerate(zip(GRID_WIDTHS, LEVELS, strict=True)):
        layers[f"predict.{number}"] = (VALUES * level.per_cell, width, 1, 1)
    return layers


def _global(count: int) -> dict[str, tuple[int, ...]]:
    coarse, reduced, hidden = GLOBAL_WIDTHS
    return {
        "reduce": (reduced, coarse, 1, 1),
        "hidden": (hidden, reduced * POOLED_SIDE**2),
        "predict": (VALUES * count, hidden),
    }
