"""Calibration for 8-bit arithmetic: how large activations become on real regions.

In 8 bits an activation is one of 256 steps from 0 to the largest value of its place, which is
looked up here on regions of training photographs. The places are the outputs that another
convolution reads; all are behind a ReLU, and so not negative. What an Inception block joins
has one range, so that the joined grid is one too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbones.googlenet import INCEPTION_WIDTHS, GoogLeNet
from detector.members.network import Member


def calibrate(member: Member, batches: Iterable[NDArray[np.uint8]]) -> dict[str, float]:
    """Return the largest activation at each of `range_points`.

    Parameters
    ----------
    member : Member
        Runs as it stands: in float32 for exact ranges.
    batches : iterable of (B, S, S, 3) uint8 arrays
        Warped regions.

    Raises
    ------
    ValueError
        If there is no region, or an activation is never above 0.
    """
    with _largest_outputs(member.network) as largest:
        for windows in batches:
            member.probabilities(windows)
    ranges = {point: largest.get(point, 0.0) for point in range_points()}
    if dead := [point for point, value in ranges.items() if not value > 0]:
        raise ValueError(
            f"no activation above 0 at {dead[0]} ({len(dead)} such): calibrate with regions of"
            " real photographs, and a trained network"
        )
    return ranges


def range_points() -> tuple[str, ...]:
    """Return the names of the modules of `GoogLeNet` whose outputs are rounded to 8 bits."""
    points = ["lrn1", "conv2_reduce", "lrn2"]
    for block in INCEPTION_WIDTHS:
        name = f"inception_{block}"
        points += [f"{name}.conv3x3_reduce", f"{name}.conv5x5_reduce", name]
    return tuple(points[:-1])  # nothing convolves what 5b gives


@contextmanager
def _largest_outputs(network: GoogLeNet) -> Iterator[dict[str, float]]:
    """Record the largest output of each of `range_points` while the block runs."""
    largest: dict[str, float] = {}

    def watch(point: str) -> torch.utils.hooks.RemovableHandle:
        def note(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if len(output):
                largest[point] = max(largest.get(point, 0.0), float(output.max()))

        return network.get_submodule(point).register_forward_hook(note)

    handles = [watch(point) for point in range_points()]
    try:
        yield largest
    finally:
        for handle in handles:
            handle.remove()
