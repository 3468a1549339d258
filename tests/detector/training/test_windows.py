from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.datasets.annotation import ImageAnnotation
from detector.training.config import SamplingConfig
from detector.training.windows import (
    WindowSampler,
    WindowTable,
    build_window_table,
    label_windows,
)

DOG, CAR, CHAIR = "n02084071", "n02958343", "n03001627"
NO_BOXES = np.zeros((0, 4), np.float32)


def boxes(*rows: tuple[int, int, int, int]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def annotated(true_boxes: NDArray[np.float32], *wnids: str) -> ImageAnnotation:
    return ImageAnnotation("a", Path("a.JPEG"), (100, 100), true_boxes, wnids)


@pytest.mark.parametrize(
    ("windows", "true_boxes", "labels"),
    [
        (NO_BOXES, NO_BOXES, []),
        (boxes((0, 0, 5, 5)), NO_BOXES, [0]),
        (NO_BOXES, boxes((0, 0, 5, 5)), []),
        (boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10)), [1]),
        (boxes((0, 0, 10, 5)), boxes((0, 0, 10, 10)), [1]),  # IoU of 0.5 counts
        (boxes((0, 0, 10, 4)), boxes((0, 0, 10, 10)), [0]),
        (boxes((0, 0, 10, 8)), boxes((0, 0, 10, 10), (0, 0, 10, 8)), [2]),  # the larger overlap
        (boxes((0, 0, 10, 8)), boxes((0, 0, 10, 8), (0, 0, 10, 8)), [1]),  # the first of equals
    ],
)
def test_windows_take_the_label_of_what_they_overlap(
    windows: NDArray[np.float32], true_boxes: NDArray[np.float32], labels: list[int]
) -> None:
    true_labels = np.arange(1, len(true_boxes) + 1)
    assert label_windows(windows, true_boxes, true_labels, 0.5).tolist() == labels


def test_a_table_holds_true_boxes_and_proposals_of_every_image() -> None:
    annotations = [
        annotated(boxes((0, 0, 20, 20), (50, 50, 90, 90)), CAR, CHAIR),
        annotated(NO_BOXES),
        annotated(boxes((0, 0, 40, 40)), DOG),
    ]
    proposed = [boxes((1, 0, 20, 20), (50, 50, 90, 90)), boxes((3, 3, 9, 9)), NO_BOXES]
    table = build_window_table(annotations, proposed, [DOG, CAR], SamplingConfig())
    assert table.images.tolist() == [0, 0, 0, 1, 2]
    # The chair is none of the classes: its box is no window, its proposal background.
    assert table.labels.tolist() == [2, 2, 0, 0, 1]
    assert table.boxes_xyxy[4].tolist() == [0, 0, 40, 40]


def test_a_data_set_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="no images"):
        build_window_table([], [], [DOG], SamplingConfig())


def table_with(labels: list[int]) -> WindowTable:
    count = len(labels)
    return WindowTable(np.zeros((count, 4), np.float32), np.arange(count), np.array(labels))


def test_batches_mix_foreground_and_background_as_r_cnn_does() -> None:
    table = table_with([0, 1, 0, 2] * 100)
    rows, mirrored = WindowSampler(table, SamplingConfig(), seed=0).batch(0)
    assert len(rows) == len(mirrored) == 128
    assert (table.labels[rows[:32]] > 0).all()
    assert (table.labels[rows[32:]] == 0).all()
    assert 30 < mirrored.sum() < 98


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    table = table_with([0, 1] * 500)
    drawn = {
        (seed, step): tuple(WindowSampler(table, SamplingConfig(), seed).batch(step).rows)
        for seed in (0, 1)
        for step in (0, 1)
    }
    assert len(set(drawn.values())) == 4
    sampler = WindowSampler(table, SamplingConfig(), seed=1)
    sampler.batch(5)
    assert tuple(sampler.batch(1).rows) == drawn[1, 1]


def test_every_window_is_drawn_equally_often() -> None:
    sampler = WindowSampler(table_with([0] * 10 + [1] * 10), SamplingConfig(), seed=3)
    counts = np.bincount(np.concatenate([sampler.batch(step).rows for step in range(100)]))
    assert counts[:10].min() > 800  # 960 expected
    assert counts[10:].min() > 250  # 320 expected


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 2]])
def test_batches_need_both_kinds_of_windows(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="both are needed"):
        WindowSampler(table_with(labels), SamplingConfig(), seed=0)


@pytest.mark.parametrize(
    "settings", [{"foreground": 0}, {"background": 0}, {"foreground_iou": 0.0}]
)
def test_impossible_mixtures_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SamplingConfig(**settings)  # type: ignore[arg-type]
