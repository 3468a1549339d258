from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from backbones import GoogLeNet
from proposals.boxes import pairwise_iou
from proposals.multibox import MultiBox, MultiBoxConfig, load_multibox
from proposals.multibox.proposer import WHOLE, _whole_objects

QUARTERS = ((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.6, 0.6), (0.4, 0.4, 1.0, 1.0))


@pytest.fixture(scope="module")
def proposer(weights: Path) -> MultiBox:
    return MultiBox(load_multibox(weights, GoogLeNet(1)), MultiBoxConfig(max_boxes=30))


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


def test_boxes_without_area_are_dropped(
    proposer: MultiBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = (
        np.array([[0.1, 0.5, 0.6, 0.5], [0.1, 0.1, 0.6, 0.6], [0.3, 0.2, 0.3, 0.9]], np.float32),
        np.array([0.9, 0.8, 0.7], np.float32),
    )
    monkeypatch.setattr(proposer, "_look", lambda _image, _crop: looked)
    found = proposer(np.zeros((100, 200, 3), np.uint8))
    np.testing.assert_allclose(found.boxes_xyxy, [[20, 10, 120, 60]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [0.8])


def test_near_duplicates_are_dropped(proposer: MultiBox) -> None:
    boxes = proposer(data.astronaut()).boxes_xyxy
    ious = pairwise_iou(boxes, boxes)
    assert ious[~np.eye(len(boxes), dtype=bool)].max() <= proposer.config.nms_iou + 1e-5


def test_a_path_gives_what_its_pixels_give(proposer: MultiBox, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    for given in (path, str(path)):
        np.testing.assert_array_equal(
            proposer(given).boxes_xyxy, proposer(data.chelsea()).boxes_xyxy
        )


def test_a_crop_is_seen_as_the_image_cut_out_is(proposer: MultiBox) -> None:
    image = data.astronaut()
    crop = proposer._input(image, (0.0, 0.0, 0.5, 0.5))
    cut = proposer._input(np.ascontiguousarray(image[:256, :256]), WHOLE)
    # Pillow's antialiasing sees a few pixels beyond the cut, at its border alone.
    assert torch.equal(crop[..., :-4, :-4], cut[..., :-4, :-4])


def test_several_crops_share_one_list(weights: Path) -> None:
    config = MultiBoxConfig(max_boxes=25, crops=QUARTERS)
    found = MultiBox(load_multibox(weights, GoogLeNet(1)), config)(data.coffee())
    assert 0 < len(found) <= 25


def test_boxes_that_an_inner_edge_cuts_are_dropped() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0.3, 0.3, 1, 0.6], [0.3, 0.3, 0.6, 0.6]], np.float32)
    top_left, whole = (0.0, 0.0, 0.6, 0.6), (0.0, 0.0, 1.0, 1.0)
    assert _whole_objects(boxes, top_left, 0.02).tolist() == [True, False, True]
    assert _whole_objects(boxes, whole, 0.02).tolist() == [True, True, True]


def test_bfloat16_is_close_to_float32(weights: Path) -> None:
    image = data.chelsea()
    exact = MultiBox(load_multibox(weights, GoogLeNet(1)), MultiBoxConfig(max_boxes=5))(image)
    rounded = MultiBox(
        load_multibox(weights, GoogLeNet(1)), MultiBoxConfig(max_boxes=5), dtype=torch.bfloat16
    )(image)
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
