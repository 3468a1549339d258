from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detector.classes import select_classes
from detector.detections.results import Detections

CLASSES = select_classes(["person", "dog"])


def detections(**changes: Any) -> Detections:
    parts: dict[str, Any] = {
        "boxes_xyxy": np.array([[0, 0, 5, 5], [2, 3, 40, 30]], np.float32),
        "scores": np.array([0.9, 0.25], np.float32),
        "labels": np.array([1, 0]),
        "classes": CLASSES,
        "image_size": (30, 40),
    }
    return Detections(**{**parts, **changes})


def test_empty_detections_have_no_length_and_stay_empty_above_any_threshold() -> None:
    empty = Detections.empty(CLASSES, (30, 40))
    assert len(empty) == 0
    assert empty.boxes_xyxy.shape == (0, 4)
    assert len(empty.above(0.0)) == 0
    assert len(empty.of_classes("dog")) == 0


@pytest.mark.parametrize(
    ("threshold", "by_class", "labels"),
    [
        (0.5, {}, [1]),
        (0.5, {"person": 0.25}, [1, 0]),
        (0.5, {"Person": 0.26, "dog": 0.91}, []),
        (0.0, {"n02084071": 0.9}, [1, 0]),  # the dog's score is the threshold
        (0.95, {"dog": 0.9}, [1]),
    ],
)
def test_a_class_may_have_a_threshold_of_its_own(
    threshold: float, by_class: dict[str, float], labels: list[int]
) -> None:
    kept = detections().above(threshold, by_class)
    assert kept.labels.tolist() == labels
    assert kept.scores.tolist() == [{1: np.float32(0.9), 0: 0.25}[label] for label in labels]
    assert len(Detections.empty(CLASSES, (30, 40)).above(threshold, by_class)) == 0


def test_thresholds_of_unknown_classes_and_two_of_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'dgo' names no class \(did you mean 'dog'\?\)"):
        detections().above(0.5, {"dgo": 0.7})
    with pytest.raises(ValueError, match="'n02084071' names a class that was named before"):
        detections().above(0.5, {"dog": 0.7, "n02084071": 0.6})


@pytest.mark.parametrize(("threshold", "count"), [(0.0, 2), (0.25, 2), (0.5, 1), (1.0, 0)])
def test_above_keeps_scores_of_at_least_the_threshold(threshold: float, count: int) -> None:
    kept = detections().above(threshold)
    assert len(kept) == count
    assert kept.labels.tolist() == [1, 0][:count]
    assert kept.boxes_xyxy.shape == (count, 4)


@pytest.mark.parametrize(
    ("keys", "labels"),
    [((), []), (("person",), [0]), (("n02084071",), [1]), (("Dog", "124"), [1, 0])],
)
def test_of_classes_keeps_what_is_asked_for_in_its_order(
    keys: tuple[str, ...], labels: list[int]
) -> None:
    kept = detections().of_classes(*keys)
    assert kept.labels.tolist() == labels
    assert kept.classes == CLASSES
    assert len(kept.boxes_xyxy) == len(kept.scores) == len(labels)


def test_classes_that_the_detector_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'dgo' names no class \(did you mean 'dog'\?\): give"):
        detections().of_classes("dgo")
    with pytest.raises(ValueError, match=r"'cat' names no class: .* of person, dog$"):
        detections().of_classes("cat")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes_xyxy": np.zeros((2, 5), np.float32)}, r"must be of shape \(N, 4\)"),
        ({"boxes_xyxy": np.array([[5, 0, 0, 5], [0, 0, 1, 1]])}, "x1 <= x2"),
        ({"boxes_xyxy": np.array([[0, 0, 41, 5], [0, 0, 1, 1]])}, "inside the 40x30 image"),
        ({"boxes_xyxy": np.array([[-1, 0, 4, 5], [0, 0, 1, 1]])}, "inside the 40x30 image"),
        ({"scores": np.array([0.5], np.float32)}, r"scores must be \(2,\) float32"),
        ({"scores": np.array([0.9, 0.2])}, r"scores must be \(2,\) float32"),
        ({"scores": np.array([0.2, 0.9], np.float32)}, "descending but got .* out of order"),
        ({"scores": np.array([1.5, 0.9], np.float32)}, r"scores must be in \[0, 1\]"),
        ({"scores": np.array([0.5, np.nan], np.float32)}, r"scores must be in \[0, 1\]"),
        ({"labels": np.array([0])}, r"labels must be \(2,\) int64"),
        ({"labels": np.array([0.0, 1.0])}, r"labels must be \(2,\) int64"),
        ({"labels": np.array([0, 2])}, "indices of the 2 classes but got 0 to 2"),
        ({"image_size": (0, 40)}, r"positive \(height, width\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        detections(**changes)
