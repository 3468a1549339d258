from __future__ import annotations

from pathlib import Path

import pytest
import torch

from backbones import GoogLeNet
from proposals.multibox import ConvolutionalHead, MultiBoxNetwork, save_multibox

SIZE = 64


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def network() -> MultiBoxNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = MultiBoxNetwork(GoogLeNet(1), ConvolutionalHead(SIZE), SIZE).eval()
        with torch.no_grad():
            for layer in network.head.predict:  # type: ignore[union-attr]
                layer.weight.normal_(std=0.5)
    return network


@pytest.fixture(scope="session")
def weights(network: MultiBoxNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "multibox.safetensors"
    save_multibox(path, network, (123.0, 117.0, 104.0), {"steps": 0})
    return path
