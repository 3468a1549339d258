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

from backbones.googlenet import GoogLeNet
from backbones.layout import range_points
from detector.config import Execution
from detector.members.member import Member
from detector.members.network import TorchMember


def calibrate(member: Member, batches: Iterable[NDArray[np.uint8]]) -> dict[str, float]:
    """Return the largest activation at each of `range_points`.

    Parameters
    ----------
    member : Member
        Runs in float32, for exact ranges.
    batches : iterable of (B, S, S, 3) uint8 arrays
        Warped regions.

    Raises
    ------
    ValueError
        If there is no region, or an activation is never above 0.
    """
    runs = TorchMember.of(member).prepared(Execution(precision="float32"))
    with _largest_outputs(runs.network) as largest:
        for windows in batches:
            runs.probabilities(windows)
    ranges = {point: largest.get(point, 0.0) for point in range_points()}
    if dead := [point for point, value in ranges.items() if not value > 0]:
        raise ValueError(
            f"no activation above 0 at {dead[0]} ({len(dead)} such): calibrate with regions of"
            " real photographs, and a trained network"
        )
    return ranges


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
