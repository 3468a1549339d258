from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from backbones import GoogLeNet
from proposals.boxes import pairwise_iou
from proposals.multibox import MultiBox, MultiBoxConfig, TorchPredictor, load_multibox
from proposals.multibox.predictor import Predictions
from proposals.multibox.proposer import WHOLE, _whole_objects

QUARTERS = ((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.6, 0.6), (0.4, 0.4, 1.0, 1.0))


class FixedPredictor:
    """Says the same of every image: the priors themselves, with these logits."""

    size = 8

    def __init__(self, priors: NDArray[np.float32], logits: Sequence[float]) -> None:
        self.priors = priors
        self.scales = np.ones_like(priors)
        self._logits = np.array(logits, np.float32)

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        residuals = np.zeros((len(images), *self.priors.shape), np.float32)
        return Predictions(residuals, np.tile(self._logits, (len(images), 1)))


@pytest.fixture(scope="module")
def proposer(weights: Path) -> MultiBox:
    predictor = TorchPredictor(load_multibox(weights, GoogLeNet(1)))
    return MultiBox(predictor, MultiBoxConfig(max_boxes=30))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((3, 300, 3), 255, np.uint8),
        np.zeros((300, 3), np.uint8),
        data.camera(),
        data.chelsea(),
    ],
)
def test_boxes_lie_in_the_image_the_most_confident_first(
    proposer: MultiBox, image: np.ndarray
) -> None:
    found = proposer(image)
    assert 0 < len(found) <= 30
    assert found.image_size == image.shape[:2]
    assert found.sources == ("multibox",)
    assert (found.scores >= 0).all()
    assert (found.scores <= 1).all()


def test_boxes_without_area_are_dropped() -> None:
    priors = np.array(
        [[0.1, 0.5, 0.6, 0.5], [0.1, 0.1, 0.6, 0.6], [0.3, 0.2, 0.3, 0.9]], np.float32
    )
    found = MultiBox(FixedPredictor(priors, [2, 1, 0]), MultiBoxConfig(crops=(WHOLE,)))(
        np.zeros((100, 200, 3), np.uint8)
    )
    np.testing.assert_allclose(found.boxes_xyxy, [[20, 10, 120, 60]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-1))], rtol=1e-6)


def test_the_most_confident_boxes_are_kept_and_logits_of_any_size_do_no_harm() -> None:
    priors = np.array([[0, 0, 0.3, 0.3], [0.5, 0.5, 1, 1], [0, 0.5, 0.4, 1]], np.float32)
    config = MultiBoxConfig(max_boxes=2, crops=(WHOLE,))
    found = MultiBox(FixedPredictor(priors, [-900, 900, 0]), config)(
        np.zeros((10, 10, 3), np.uint8)
    )
    np.testing.assert_allclose(found.boxes_xyxy, [[5, 5, 10, 10], [0, 5, 4, 10]])
    np.testing.assert_allclose(found.scores, [1, 0.5])


def test_near_duplicates_are_dropped(proposer: MultiBox) -> None:
    boxes = proposer(data.astronaut()).boxes_xyxy
    ious = pairwise_iou(boxes, boxes)
    assert ious[~np.eye(len(boxes), dtype=bool)].max() <= proposer.config.nms_iou + 1e-5


def test_a_path_and_a_pillow_image_give_what_its_pixels_give(
    proposer: MultiBox, tmp_path: Path
) -> None:
    picture = Image.fromarray(data.chelsea()).quantize(64)
    path = tmp_path / "cat.png"
    picture.save(path)
    expected = proposer(np.asarray(picture.convert("RGB"))).boxes_xyxy
    for given in (path, str(path), picture):
        np.testing.assert_array_equal(proposer(given).boxes_xyxy, expected)


def test_a_crop_is_seen_as_the_image_cut_out_is(proposer: MultiBox) -> None:
    image = data.astronaut()
    crop = proposer._resized(image, (0.0, 0.0, 0.5, 0.5))
    cut = proposer._resized(np.ascontiguousarray(image[:256, :256]), WHOLE)
    # Pillow's antialiasing sees a few pixels beyond the cut, at its border alone.
    np.testing.assert_array_equal(crop[:-4, :-4], cut[:-4, :-4])


def test_several_crops_share_one_list(weights: Path) -> None:
    config = MultiBoxConfig(max_boxes=25, crops=QUARTERS)
    predictor = TorchPredictor(load_multibox(weights, GoogLeNet(1)))
    found = MultiBox(predictor, config)(data.coffee())
    assert 0 < len(found) <= 25


def test_boxes_that_an_inner_edge_cuts_are_dropped() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0.3, 0.3, 1, 0.6], [0.3, 0.3, 0.6, 0.6]], np.float32)
    top_left, whole = (0.0, 0.0, 0.6, 0.6), (0.0, 0.0, 1.0, 1.0)
    assert _whole_objects(boxes, top_left, 0.02).tolist() == [True, False, True]
    assert _whole_objects(boxes, whole, 0.02).tolist() == [True, True, True]


def test_bfloat16_is_close_to_float32(weights: Path) -> None:
    image = data.chelsea()
    exact, rounded = (
        MultiBox(
            TorchPredictor(load_multibox(weights, GoogLeNet(1)), dtype), MultiBoxConfig(max_boxes=5)
        )(image)
        for dtype in (torch.float32, torch.bfloat16)
    )
    np.testing.assert_allclose(rounded.scores, exact.scores, atol=0.05)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_boxes": -1},
        {"crops": ()},
        {"crops": ((0.5, 0.0, 0.5, 1.0),)},
        {"crops": ((0.0, 0.0, 1.1, 1.0),)},
        {"nms_iou": 0.0},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        MultiBoxConfig(**settings)
