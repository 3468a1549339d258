from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.datasets.annotation import ImageAnnotation
from detector.training.config import POLICIES, SamplingConfig
from detector.training.windows import (
    WindowSampler,
    WindowTable,
    build_window_table,
    label_windows,
    nearest_objects,
    share_inside,
)

DOG, CAR, CHAIR = "n02084071", "n02958343", "n03001627"
NO_BOXES = np.zeros((0, 4), np.float32)


def boxes(*rows: tuple[int, int, int, int]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def annotated(true_boxes: NDArray[np.float32], *class_keys: str) -> ImageAnnotation:
    return ImageAnnotation("a", Path("a.JPEG"), (100, 100), true_boxes, class_keys)


def table_of(nearest: list[int], ious: list[float]) -> WindowTable:
    count = len(nearest)
    boxes = np.zeros((count, 4), np.float32)
    return WindowTable(boxes, np.arange(count), np.array(nearest, int), np.array(ious, np.float32))


@pytest.mark.parametrize(
    ("windows", "true_boxes", "labels", "ious"),
    [
        (NO_BOXES, NO_BOXES, [], []),
        (boxes((0, 0, 5, 5)), NO_BOXES, [0], [0]),
        (NO_BOXES, boxes((0, 0, 5, 5)), [], []),
        (boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10)), [1], [1]),
        (boxes((0, 0, 10, 4)), boxes((0, 0, 10, 10)), [1], [0.4]),
        (boxes((0, 0, 10, 8)), boxes((0, 0, 10, 10), (0, 0, 10, 8)), [2], [1]),  # the larger
        (boxes((0, 0, 10, 8)), boxes((0, 0, 10, 8), (0, 0, 10, 8)), [1], [1]),  # the first
    ],
)
def test_windows_know_the_object_that_they_overlap_most(
    windows: NDArray[np.float32],
    true_boxes: NDArray[np.float32],
    labels: list[int],
    ious: list[float],
) -> None:
    found = nearest_objects(windows, true_boxes, np.arange(1, len(true_boxes) + 1))
    assert found[0].tolist() == labels
    assert found[1] == pytest.approx(ious)


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        (SamplingConfig(), [0, 0, 0, 2, 2, 2]),
        (SamplingConfig(foreground_iou=0.7), [0, 0, 0, -1, -1, 2]),
        (SamplingConfig(foreground_iou=0.6, background_iou=0.3), [0, 0, -1, -1, 2, 2]),
    ],
)
def test_labels_follow_the_overlap(config: SamplingConfig, labels: list[int]) -> None:
    table = table_of([0, 2, 2, 2, 2, 2], [0, 0.1, 0.4, 0.5, 0.6, 0.8])
    assert label_windows(table, config).tolist() == labels


def test_what_lies_outside_the_image_is_no_window() -> None:
    leaving = annotated(boxes((50, -20, 9999, 40)), DOG)
    table = build_window_table([leaving], [boxes((50, 0, 100, 40))], [DOG])
    assert table.boxes_xyxy.tolist() == [[50, 0, 100, 40]] * 2
    assert table.ious.tolist() == [1, 1]


def test_a_table_holds_true_boxes_and_proposals_of_every_image() -> None:
    annotations = [
        annotated(boxes((0, 0, 20, 20), (50, 50, 90, 90)), CAR, CHAIR),
        annotated(NO_BOXES),
        annotated(boxes((0, 0, 40, 40)), DOG),
    ]
    proposed = [boxes((1, 0, 20, 20), (50, 50, 90, 90)), boxes((3, 3, 9, 9)), NO_BOXES]
    table = build_window_table(annotations, proposed, [DOG, CAR])
    assert table.images.tolist() == [0, 0, 0, 1, 2]
    # The chair is none of the classes: its box is no window, its proposal background.
    assert label_windows(table, SamplingConfig()).tolist() == [2, 2, 0, 0, 1]
    assert table.boxes_xyxy[4].tolist() == [0, 0, 40, 40]


UNCLEAR = boxes((0, 0, 60, 60), (10, 10, 30, 30))
PROPOSED = boxes(
    (10, 10, 30, 29),  # shows the second object
    (0, 0, 60, 60),  # the first
    (0, 0, 60, 31),  # a little more than half of the first
    (0, 0, 60, 29),  # a little less
    (40, 0, 80, 40),  # half of it lies in the first
    (41, 0, 81, 40),  # less
    (70, 70, 90, 90),  # nothing
)


def marked(**marks: tuple[bool, ...]) -> ImageAnnotation:
    return ImageAnnotation("a", Path("a.JPEG"), (100, 100), UNCLEAR, (DOG, DOG), **marks)


@pytest.mark.parametrize(
    ("marks", "labels"),
    [
        ({}, [1, 1, 1, 1, 1, 0, 0, 0, 0]),
        ({"difficult": (True, False)}, [1, 1, -1, -1, 0, 0, 0, 0]),
        ({"crowd": (True, False)}, [1, 1, -1, -1, -1, -1, 0, 0]),
        ({"crowd": (True, False), "difficult": (False, True)}, [-1, -1, -1, -1, -1, 0, 0]),
        ({"difficult": (True, True)}, [-1, -1, -1, 0, 0, 0, 0]),
    ],
)
def test_what_shows_an_unclear_object_is_neither_foreground_nor_background(
    marks: dict[str, tuple[bool, ...]], labels: list[int]
) -> None:
    table = build_window_table([marked(**marks)], [PROPOSED], [DOG])
    assert label_windows(table, SamplingConfig()).tolist() == labels
    assert len(table.boxes_xyxy) == len(labels)  # no window is made of an unclear object
    # Objects of classes that are not learned are background, whatever their marks.
    other = build_window_table([marked(**marks)], [PROPOSED], [CAR])
    assert label_windows(other, SamplingConfig()).tolist() == [0] * len(PROPOSED)


@pytest.mark.parametrize("config", [*POLICIES.values(), SamplingConfig(background_iou=0.3)])
def test_an_unclear_object_takes_no_window_from_a_clear_one(config: SamplingConfig) -> None:
    clear = build_window_table([marked()], [PROPOSED], [DOG])
    table = build_window_table([marked(crowd=(True, False))], [PROPOSED], [DOG])
    alone = build_window_table([annotated(UNCLEAR[1:], DOG)], [PROPOSED], [DOG])
    labels, labels_alone = label_windows(table, config), label_windows(alone, config)
    assert set(labels) <= {-1, 0, 1}
    assert (label_windows(clear, config)[1:][labels == 1] == 1).all()
    np.testing.assert_array_equal(labels == 1, labels_alone == 1)
    inside = share_inside(table.boxes_xyxy, UNCLEAR[:1])
    expected = np.where((labels_alone == 0) & (inside >= config.background_iou), -1, labels_alone)
    np.testing.assert_array_equal(labels, expected)


def test_boxes_without_area_are_no_windows() -> None:
    table = build_window_table([annotated(boxes((5, 5, 5, 9)), DOG)], [PROPOSED[:1]], [DOG])
    assert table.boxes_xyxy.tolist() == PROPOSED[:1].tolist()
    assert label_windows(table, SamplingConfig()).tolist() == [0]


def test_shares_are_those_of_the_crowd_that_has_most_of_a_window() -> None:
    windows = boxes((0, 0, 10, 10), (0, 0, 4, 4), (20, 20, 30, 30), (5, 5, 5, 9))
    crowds = boxes((0, 0, 5, 10), (0, 0, 10, 4))
    assert share_inside(windows, crowds) == pytest.approx([0.5, 1, 0, 0])
    assert share_inside(windows, NO_BOXES).tolist() == [0, 0, 0, 0]
    assert share_inside(NO_BOXES, crowds).shape == (0,)


def test_a_data_set_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="no images"):
        build_window_table([], [], [DOG])


def table_with(labels: list[int]) -> WindowTable:
    return table_of(labels, [float(label > 0) for label in labels])


def test_batches_mix_foreground_and_background_as_r_cnn_does() -> None:
    table = table_with([0, 1, 0, 2] * 100)
    sampler = WindowSampler(table, SamplingConfig(), seed=0)
    rows, mirrored = sampler.rows(0), sampler.mirrored(0)
    assert len(rows) == len(mirrored) == sampler.batch_size == 128
    assert (sampler.labels[rows[:32]] > 0).all()
    assert (sampler.labels[rows[32:]] == 0).all()
    assert 30 < mirrored.sum() < 98


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    table = table_with([0, 1] * 500)
    drawn = {
        (seed, step): tuple(WindowSampler(table, SamplingConfig(), seed).rows(step))
        for seed in (0, 1)
        for step in (0, 1)
    }
    assert len(set(drawn.values())) == 4
    sampler = WindowSampler(table, SamplingConfig(), seed=1)
    sampler.rows(5)
    assert tuple(sampler.rows(1)) == drawn[1, 1]


def test_every_window_is_drawn_equally_often() -> None:
    sampler = WindowSampler(table_with([0] * 10 + [1] * 10), SamplingConfig(), seed=3)
    counts = np.bincount(np.concatenate([sampler.rows(step) for step in range(100)]))
    assert counts[:10].min() > 800  # 960 expected
    assert counts[10:].min() > 250  # 320 expected


def test_classes_are_drawn_evenly_when_asked() -> None:
    table = table_with([0] * 10 + [1] * 90 + [3] * 10)
    rows = [
        WindowSampler(table, SamplingConfig(balanced=balanced), seed=0).rows(step)[:32]
        for balanced in (False, True)
        for step in range(50)
    ]
    shares = [(np.concatenate(part) >= 100).mean() for part in (rows[:50], rows[50:])]
    assert shares == pytest.approx([0.1, 0.5], abs=0.05)


def test_background_near_objects_is_drawn_as_often_as_asked() -> None:
    table = table_of([1] * 12, [0.9] + [0.3] + [0.0] * 10)
    sampler = WindowSampler(table, SamplingConfig(near_share=0.25), seed=0)
    assert (sampler.rows(0)[32:] == 1).sum() == 24
    with pytest.raises(ValueError, match="near_share needs both"):
        WindowSampler(table.rows(np.array([0, 1])), SamplingConfig(near_share=0.25), seed=0)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_draws_from_ordinary_windows(policy: str) -> None:
    table = table_of([1, 2] * 50, list(np.linspace(0, 1, 100)))
    config = POLICIES[policy]
    sampler = WindowSampler(table, config, seed=0)
    labels = sampler.labels[sampler.rows(0)]
    assert (labels > 0).sum() == config.foreground
    assert (labels == 0).sum() == config.background


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 2]])
def test_batches_need_both_kinds_of_windows(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="both are needed"):
        WindowSampler(table_with(labels), SamplingConfig(), seed=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"foreground": 0},
        {"background": 0},
        {"background_iou": 0.0},
        {"foreground_iou": 0.4},
        {"near_share": 1.5},
    ],
)
def test_impossible_mixtures_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        SamplingConfig(**settings)  # type: ignore[arg-type]


def test_other_windows_have_another_digest() -> None:
    table = table_of([1, 0], [0.7, 0.2])
    assert table.digest() == table_of([1, 0], [0.7, 0.2]).digest()
    others = [
        table.rows(np.array([1, 0])),
        table._replace(boxes_xyxy=table.boxes_xyxy + 1),
        table._replace(images=table.images + 1),
        table._replace(nearest=table.nearest + 1),
        table._replace(ious=table.ious / 2),
    ]
    assert table.digest() not in {other.digest() for other in others}
