from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from backbones import InputStatistics
from detector.datasets.annotation import ImageAnnotation
from detector.training.multibox.config import MultiBoxTrainingConfig, ViewConfig
from detector.training.multibox.views import (
    ViewLoader,
    boxes_in_view,
    cut_view,
    draw_rectangle,
)

STATISTICS = InputStatistics(size=64)
CONFIG = MultiBoxTrainingConfig(batch_size=3, size=64)


@pytest.fixture(scope="module")
def annotation(tmp_path_factory: pytest.TempPathFactory) -> ImageAnnotation:
    path = tmp_path_factory.mktemp("pictures") / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    boxes = np.array([[100, 20, 400, 280]], np.float32)
    return ImageAnnotation("cat", path, (300, 451), boxes, ("n02121808",))


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 2**31), st.sampled_from([0.0, 1.0]))
def test_rectangles_have_the_area_asked_for_and_show_the_image(
    height: int, width: int, seed: int, whole: float
) -> None:
    config = ViewConfig(whole=whole)
    x1, y1, x2, y2 = draw_rectangle((height, width), config, np.random.RandomState(seed))
    share = (x2 - x1) * (y2 - y1) / (height * width)
    if whole:
        assert (x1, y1, x2, y2) == (0, 0, width, height)
    assert config.least_area - 1e-6 <= share <= config.most_area + 1e-6 or share == 1
    for low, high, side in ((x1, x2, width), (y1, y2, height)):
        assert (low <= 1e-6 and high >= side - 1e-6) or (low >= -1e-6 and high <= side + 1e-6)


def test_a_view_of_the_whole_is_the_image_resized() -> None:
    image = data.chelsea()
    view = cut_view(image, (0, 0, 451, 300), STATISTICS)
    resized = Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(view, np.asarray(resized))


def test_outside_the_image_a_view_has_the_mean_colour() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    view = cut_view(image, (-10, -10, 10, 10), STATISTICS)
    assert (view[:32] == (123, 117, 104)).all()
    assert (view[32:, 32:] == 0).all()


def test_boxes_move_with_the_view() -> None:
    boxes = np.array([[10, 10, 30, 20], [0, 0, 4, 4]], np.float32)
    seen = boxes_in_view(boxes, (10, 10, 50, 30), ViewConfig())
    np.testing.assert_allclose(seen, [[0, 0, 0.5, 0.5]])  # the other lies outside


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ([-10, 0, 10, 10], True),  # half of it
        ([-11, 0, 9, 10], False),
        ([0, 0, 0, 10], False),
        ([50, 50, 52, 60], False),  # too narrow
    ],
)
def test_only_objects_that_can_be_seen_count(box: list[float], kept: bool) -> None:
    seen = boxes_in_view(np.array([box], np.float32), (0, 0, 100, 100), ViewConfig())
    assert len(seen) == kept


def test_no_boxes_stay_no_boxes() -> None:
    assert boxes_in_view(np.zeros((0, 4), np.float32), (0, 0, 1, 1), ViewConfig()).shape == (0, 4)


def test_a_batch_depends_on_its_step_alone(annotation: ImageAnnotation) -> None:
    first, second = (ViewLoader([annotation], STATISTICS, CONFIG) for _ in range(2))
    second.load(1)
    a, b = first.load(5), second.load(5)
    assert a.images.shape == (3, 64, 64, 3)
    np.testing.assert_array_equal(a.images, b.images)
    assert all((x == y).all() for x, y in zip(a.targets, b.targets, strict=True))
    assert not np.array_equal(a.images, first.load(6).images)


def test_mirrored_views_have_mirrored_boxes(annotation: ImageAnnotation) -> None:
    plain = ViewConfig(whole=1, contrast=0, brightness=0)
    loader = ViewLoader([annotation], STATISTICS, MultiBoxTrainingConfig(size=64, views=plain))
    batch = loader.load(1)
    whole = cut_view(data.chelsea(), (0, 0, 451, 300), STATISTICS)
    mirrored = 0
    for view, boxes in zip(batch.images.numpy(), batch.targets, strict=True):
        x1, _, x2, _ = boxes[0].tolist()
        if np.array_equal(view, whole):
            assert (x1, x2) == pytest.approx((100 / 451, 400 / 451))
        else:
            mirrored += 1
            np.testing.assert_array_equal(view, whole[:, ::-1])
            assert (x1, x2) == pytest.approx((51 / 451, 351 / 451))
    assert 0 < mirrored < len(batch.targets)


def test_each_image_comes_once_an_epoch(annotation: ImageAnnotation) -> None:
    loader = ViewLoader([annotation] * 7, STATISTICS, CONFIG)
    for epoch in range(2):
        chosen = [loader._choose(7 * epoch + place) for place in range(7)]
        assert sorted(chosen) == list(range(7))


def test_difficult_objects_and_crowds_stand_apart(annotation: ImageAnnotation) -> None:
    boxes = np.array([[100, 20, 400, 280], [0, 0, 200, 200], [200, 100, 451, 300]], np.float32)
    mixed = replace(
        annotation,
        boxes_xyxy=boxes,
        class_keys=annotation.class_keys * 3,
        difficult=(False, True, False),
        crowd=(False, False, True),
        areas=(),
    )
    config = replace(CONFIG, views=ViewConfig(whole=1))
    batch = ViewLoader([mixed], STATISTICS, config).load(1)
    size = np.array([451, 300, 451, 300])
    for targets, unclear in zip(batch.targets, batch.unclear, strict=True):
        assert (len(targets), len(unclear)) == (1, 2)
        mirrored = not np.allclose(targets[0], boxes[0] / size, atol=1e-5)
        for found, true in zip(unclear, boxes[1:] / size, strict=True):
            expected = [1 - true[2], true[1], 1 - true[0], true[3]] if mirrored else true
            np.testing.assert_allclose(found, expected, atol=1e-5)
