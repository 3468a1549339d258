"""Calibration for 8-bit arithmetic: how large activations become on real regions.

In 8 bits an activation is one of 256 steps from 0 to the largest value of its place, which is
looked up here on regions of training photographs. The places are the outputs that another
convolution reads; all are behind a ReLU, and so not negative. What an Inception block joins
has one range, so that the joined grid is one too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbones.googlenet import GoogLeNet
from backbones.layout import range_points
from detector.config import Execution
from detector.members.member import Member
from detector.members.network import TorchMember
from proposals.multibox.graph import rounded_places
from proposals.multibox.network_file import load_multibox
from proposals.multibox.proposer import MultiBox
from proposals.multibox.torch_predictor import TorchPredictor
from proposals.multibox.weights_file import read_settings

IMAGES = 128
"""Training photographs that MultiBox is calibrated on; fewer where there are fewer."""


def calibrate(member: Member, batches: Iterable[NDArray[np.uint8]]) -> dict[str, float]:
    """Return the largest activation of a member at each of `range_points`.

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
    with _largest_outputs(runs.network, range_points()) as largest:
        for windows in batches:
            runs.probabilities(windows)
    return _checked(largest)


def calibrate_multibox(path: Path, images: Iterable[NDArray[np.uint8]]) -> dict[str, float]:
    """Return the largest activation of a MultiBox network at each place that 8 bits round.

    Parameters
    ----------
    path : Path
        Of its weights, with the convolutional head.
    images : iterable of (H, W, 3) uint8 arrays
        RGB photographs.

    Raises
    ------
    WeightsError
        If the file cannot be used.
    ValueError
        If the head is another, there is no image, or an activation is never above 0.
    """
    if read_settings(path).head != "convolutional":
        raise ValueError(f"{path}: 8 bits are for the convolutional head (--priors grid)")
    loaded = load_multibox(path, GoogLeNet(1))
    propose = MultiBox(TorchPredictor(loaded))
    with _largest_outputs(loaded.network, rounded_places(range_points())) as largest:
        for image in images:
            propose(image)
    return _checked(largest)


def spread(count: int, wanted: int) -> list[int]:
    """Return numbers out of ``range(count)``, evenly spread: ``wanted``, or all where fewer."""
    number = min(count, wanted)
    return [place * count // number for place in range(number)]


@contextmanager
def _largest_outputs(network: nn.Module, places: Sequence[str]) -> Iterator[dict[str, float]]:
    """Record the largest output of some modules, by their names, while the block runs."""
    largest = dict.fromkeys(places, 0.0)

    def watch(place: str) -> torch.utils.hooks.RemovableHandle:
        def note(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if len(output):
                largest[place] = max(largest[place], float(output.max()))

        return network.get_submodule(place).register_forward_hook(note)

    handles = [watch(place) for place in places]
    try:
        yield largest
    finally:
        for handle in handles:
            handle.remove()


def _checked(largest: dict[str, float]) -> dict[str, float]:
    if dead := [place for place, value in largest.items() if not value > 0]:
        raise ValueError(
            f"no activation above 0 at {dead[0]} ({len(dead)} such): calibrate with regions of"
            " real photographs, and a trained network"
        )
    return largest
