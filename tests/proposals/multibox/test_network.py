from __future__ import annotations

import numpy as np
import pytest
import torch

from backbones import GoogLeNet
from proposals.multibox import ConvolutionalHead, GlobalHead, MultiBoxNetwork


@pytest.mark.parametrize("images", [0, 1, 2])
@pytest.mark.parametrize("size", [64, 96])
def test_every_prior_gets_a_box_and_a_confidence(images: int, size: int) -> None:
    network = MultiBoxNetwork(GoogLeNet(1), ConvolutionalHead(size), size).eval()
    with torch.no_grad():
        raw = network(torch.zeros(images, 3, size, size))
    count = len(network.head.priors)
    assert raw.residuals.shape == (images, count, 4)
    assert raw.logits.shape == (images, count)


def test_the_global_head_takes_maps_of_any_size() -> None:
    priors = np.array([[0, 0, 0.5, 0.5], [0.2, 0.2, 1, 1]], np.float32)
    head = GlobalHead(priors)
    for grid in (2, 7, 10):
        raw = head(torch.zeros(1, 832, 2 * grid, 2 * grid), torch.zeros(1, 1024, grid, grid))
        assert raw.residuals.shape == (1, 2, 4)
        assert raw.logits.shape == (1, 2)


def test_a_prediction_belongs_to_the_prior_at_its_place() -> None:
    """What excites one cell of the middle grid moves the logits of that cell's priors most."""
    torch.manual_seed(0)
    head = ConvolutionalHead(128).eval()
    at_4e, at_5b = torch.zeros(1, 832, 8, 8), torch.zeros(1, 1024, 4, 4)
    lit = at_5b.clone()
    lit[0, :, 1, 3] = 5.0
    with torch.no_grad():
        change = (head(at_4e, lit).logits - head(at_4e, at_5b).logits)[0].abs()
    middle = slice(8 * 8 * 6, 8 * 8 * 6 + 4 * 4 * 6)
    per_cell = change[middle].reshape(4, 4, 6).sum(dim=2)
    assert change[: 8 * 8 * 6].sum() == 0  # the fine grid does not see 5b
    row, column = divmod(int(per_cell.argmax()), 4)
    assert (row, column) == (1, 3)
    priors = head.priors[middle].reshape(4, 4, 6, 4)[1, 3]
    np.testing.assert_allclose((priors[:, 0] + priors[:, 2]) / 2, 3.5 / 4, atol=1e-6)
    np.testing.assert_allclose((priors[:, 1] + priors[:, 3]) / 2, 1.5 / 4, atol=1e-6)
