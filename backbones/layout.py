"""GoogLeNet's layout in numbers (paper, Table 1): what any engine needs to build the network."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class InceptionWidths:
    """Numbers of filters of one block, in the order of the paper's Table 1.

    Attributes
    ----------
    n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj : int
        «#1x1», «#3x3 reduce», «#3x3», «#5x5 reduce», «#5x5» and «pool proj».
    """

    n1x1: int
    n3x3_reduce: int
    n3x3: int
    n5x5_reduce: int
    n5x5: int
    pool_proj: int

    @property
    def out_channels(self) -> int:
        """Number of channels after concatenation."""
        return self.n1x1 + self.n3x3 + self.n5x5 + self.pool_proj


# One row a block.
INCEPTION_WIDTHS: Final = MappingProxyType(
    {
        "3a": InceptionWidths(64, 96, 128, 16, 32, 32),
        "3b": InceptionWidths(128, 128, 192, 32, 96, 64),
        "4a": InceptionWidths(192, 96, 208, 16, 48, 64),
        "4b": InceptionWidths(160, 112, 224, 24, 64, 64),
        "4c": InceptionWidths(128, 128, 256, 24, 64, 64),
        "4d": InceptionWidths(112, 144, 288, 32, 64, 64),
        "4e": InceptionWidths(256, 160, 320, 32, 128, 128),
        "5a": InceptionWidths(256, 160, 320, 32, 128, 128),
        "5b": InceptionWidths(384, 192, 384, 48, 128, 128),
    }
)

STEM_BLOCKS: Final = ("3a", "3b")
"""The Inception blocks of the stem."""

STEM_MODULES: Final = ("conv1", "conv2_reduce", "conv2", "inception_3a", "inception_3b")
"""The modules of the stem that have weights."""

STEM_CHANNELS: Final = 192
"""Channels that the first Inception block sees."""


@dataclass(frozen=True)
class LrnSettings:
    """Local response normalisation; `backbones.lrn` has the formula."""

    size: int
    alpha: float
    beta: float
    k: float


LRN: Final = LrnSettings(size=5, alpha=1e-4, beta=0.75, k=1.0)
"""GoogLeNet's."""


def parameter_shapes(num_classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter of `backbones.GoogLeNet`, by name.

    Auxiliary heads, which serve training only, are left out.

    Parameters
    ----------
    num_classes : int
        Number of logits.

    Returns
    -------
    dict of str to tuple of int
        In the order of the network; weights of convolutions are (O, I, h, w).
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, outputs: int, *inputs: int) -> None:
        shapes[f"{name}.weight"] = (outputs, *inputs)
        shapes[f"{name}.bias"] = (outputs,)

    layer("conv1", 64, 3, 7, 7)
    layer("conv2_reduce", 64, 64, 1, 1)
    layer("conv2", STEM_CHANNELS, 64, 3, 3)
    channels = STEM_CHANNELS
    for block, widths in INCEPTION_WIDTHS.items():
        name = f"inception_{block}"
        layer(f"{name}.conv1x1", widths.n1x1, channels, 1, 1)
        layer(f"{name}.conv3x3_reduce", widths.n3x3_reduce, channels, 1, 1)
        layer(f"{name}.conv3x3", widths.n3x3, widths.n3x3_reduce, 3, 3)
        layer(f"{name}.conv5x5_reduce", widths.n5x5_reduce, channels, 1, 1)
        layer(f"{name}.conv5x5", widths.n5x5, widths.n5x5_reduce, 5, 5)
        layer(f"{name}.pool_proj", widths.pool_proj, channels, 1, 1)
        channels = widths.out_channels
    layer("classifier", num_classes, channels)
    return shapes


def range_points() -> tuple[str, ...]:
    """Return the names of the modules whose outputs 8-bit arithmetic rounds, in their order.

    Each is read by another convolution. What an Inception block joins is one place, so that
    the joined grid has one range.
    """
    points = ["lrn1", "conv2_reduce", "lrn2"]
    for block in INCEPTION_WIDTHS:
        name = f"inception_{block}"
        points += [f"{name}.conv3x3_reduce", f"{name}.conv5x5_reduce", name]
    return tuple(points[:-1])  # nothing convolves what 5b gives
