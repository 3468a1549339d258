from __future__ import annotations

from pathlib import Path

import pytest
import torch
from skimage import data
from torch import Tensor

from backbones import (
    CropGeometry,
    GoogLeNet,
    InputStatistics,
    crop_picture,
    load_imagenet_weights,
)

WEIGHTS = Path(__file__).resolve().parents[4] / "shared/weights/bvlc_googlenet.safetensors"
EGYPTIAN_CAT, ESPRESSO = 285, 967

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(
        not WEIGHTS.is_file(), reason="../shared/weights/bvlc_googlenet.safetensors is absent"
    ),
]


@pytest.fixture(scope="module")
def network() -> GoogLeNet:
    network = GoogLeNet(1000).eval()
    network.load_state_dict(load_imagenet_weights(WEIGHTS))
    return network.to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def photographs() -> Tensor:
    crops = [
        torch.from_numpy(crop_picture(image, 1, CropGeometry.WARPED).pixels)
        for image in (data.chelsea(), data.coffee())
    ]
    return InputStatistics().normalise(torch.cat(crops))


@torch.inference_mode()
def test_cat_and_coffee_are_recognised(network: GoogLeNet, photographs: Tensor) -> None:
    probabilities = network(photographs).softmax(dim=1)
    assert probabilities.argmax(dim=1).tolist() == [EGYPTIAN_CAT, ESPRESSO]
    assert probabilities[0, EGYPTIAN_CAT] > 0.4
    assert probabilities[1, ESPRESSO] > 0.8


@torch.inference_mode()
def test_single_photograph_gives_what_the_batch_gives(
    network: GoogLeNet, photographs: Tensor
) -> None:
    singles = torch.cat([network(photograph[None]) for photograph in photographs])
    torch.testing.assert_close(singles, network(photographs), rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_bfloat16_recognises_the_same(network: GoogLeNet, photographs: Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(photographs)
    assert logits.argmax(dim=1).tolist() == [EGYPTIAN_CAT, ESPRESSO]
