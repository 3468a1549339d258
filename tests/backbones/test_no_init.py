from __future__ import annotations

import torch

from backbones import GoogLeNet
from backbones.no_init import NoInit


def test_a_network_built_so_draws_no_numbers_and_takes_weights_like_any_other() -> None:
    source = GoogLeNet(3).eval()
    before = torch.get_rng_state()
    with NoInit():
        network = GoogLeNet(3).eval()
    assert torch.equal(torch.get_rng_state(), before)
    network.load_state_dict(source.state_dict())
    x = torch.linspace(-99, 99, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(network(x), source(x), rtol=0, atol=0)


def test_afterwards_weights_are_drawn_again() -> None:
    with NoInit():
        pass
    assert GoogLeNet(3).conv2.bias.unique().tolist() == [torch.tensor(0.2).item()]
