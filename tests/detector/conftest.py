from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backbones import GoogLeNet, InputStatistics
from backbones.layout import STEM_MODULES
from detector.classes import select_classes
from detector.config import DetectorConfig
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.regions.warp_config import WarpConfig


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Small tensors gain nothing from more, and on a busy machine threads wait for each other.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_member() -> Callable[[int], Member]:
    """Make members of random weights, by seed; inputs of 64 pixels keep them quick."""

    def make(seed: int) -> Member:
        generator = torch.Generator().manual_seed(seed)
        network = GoogLeNet(4).eval()
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.ndim > 1:
                    bound = (3 / parameter[0].numel()) ** 0.5
                    parameter.uniform_(-bound, bound, generator=generator)
        network.replace_classifier(4, std=1.0, generator=generator)
        return TorchMember(
            network=network,
            classes=select_classes(["person", "dog", "domestic cat"]),
            statistics=InputStatistics(size=64),
            warp=WarpConfig(size=64, context_padding=4),
            detection=DetectorConfig(min_score=0.0, max_proposals=50),
            provenance={"seed": seed},
        ).to_member()

    return make


@pytest.fixture(scope="session")
def make_sibling(make_member: Callable[[int], Member]) -> Callable[[int], Member]:
    """Make members by seed that all have the stem of the member of seed 0."""

    def make(seed: int) -> Member:
        stem = {
            name: tensor
            for name, tensor in make_member(0).tensors.items()
            if name.split(".")[0] in STEM_MODULES
        }
        sibling = make_member(seed)
        return replace(sibling, tensors={**sibling.tensors, **stem})

    return make


@pytest.fixture(scope="session")
def member(make_member: Callable[[int], Member]) -> Member:
    return make_member(0)


@pytest.fixture(scope="session")
def random_windows() -> Callable[[int], NDArray[np.uint8]]:
    """Make (R, 64, 64, 3) windows of smooth random blotches."""

    def make(count: int) -> NDArray[np.uint8]:
        coarse = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), np.uint8)
        return coarse.repeat(8, axis=1).repeat(8, axis=2)

    return make
