from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from detector.classes import select_classes
from detector.detections.results import Detections

# It warns of its own to come.
pytestmark = pytest.mark.filterwarnings("default")
supervision = pytest.importorskip("supervision", reason="the test extra brings it")
Compare = Callable[[Detections, Detections, float], None]


def test_nothing_found_is_empty_there_and_comes_back(
    nothing: Detections, assert_same: Compare
) -> None:
    theirs = nothing.to_supervision()
    assert theirs.is_empty()
    for one in (theirs, supervision.Detections.empty()):
        assert_same(nothing, Detections.from_supervision(one, nothing.classes, (300, 400)), 0)


def test_its_parts_are_ours_and_what_it_selects_comes_back(
    found: Detections, assert_same: Compare
) -> None:
    theirs = found.to_supervision()
    assert theirs.xyxy.tolist() == found.boxes_xyxy.tolist()
    assert theirs["class_name"].tolist() == ["traffic_light", "person", "traffic_light"]
    assert theirs.area.tolist() == [120000.0, 1944.25, 4.0]
    assert_same(found, Detections.from_supervision(theirs, found.classes, (300, 400)), 0)
    sure = Detections.from_supervision(theirs[theirs.confidence > 0.4], found.classes, (300, 400))
    assert_same(found.above(0.5), sure, 0)


def test_its_copies_are_not_ours(found: Detections) -> None:
    theirs = found.to_supervision()
    theirs.xyxy[:], theirs.confidence[:], theirs.class_id[:] = 7, 0.7, 1
    assert found.scores.tolist() == [np.float32(0.9), 0.5, 0.25]
    assert found.labels.tolist() == [2, 0, 2]
    assert found.boxes_xyxy[0].tolist() == [0, 0, 400, 300]


def test_names_count_before_numbers(found: Detections) -> None:
    theirs = found.to_supervision()
    others = select_classes(["traffic light", "person"])
    assert Detections.from_supervision(theirs, others, (300, 400)).labels.tolist() == [0, 1, 0]
    nameless = replace(theirs, data={})
    assert Detections.from_supervision(nameless, found.classes, (300, 400)).labels.tolist() == [
        2, 0, 2,
    ]  # fmt: skip


def test_boxes_are_cut_and_sorted() -> None:
    theirs = supervision.Detections(
        xyxy=np.array([[-3.0, 1, 5, 6], [2, 2, 90, 90]]),
        confidence=np.array([0.1, 0.8]),
        class_id=np.array([0, 1]),
    )
    ours = Detections.from_supervision(theirs, select_classes(["person", "dog"]), (30, 40))
    assert ours.boxes_xyxy.tolist() == [[2, 2, 40, 30], [0, 1, 5, 6]]
    assert ours.labels.tolist() == [1, 0]


def test_annotations_and_detections_without_classes_are_refused() -> None:
    boxes, scores = np.array([[1.0, 2, 3, 4]]), np.array([0.5])
    classes = select_classes(["dog"])
    with pytest.raises(ValueError, match="must have confidence"):
        Detections.from_supervision(supervision.Detections(xyxy=boxes), classes, (9, 9))
    theirs = supervision.Detections(xyxy=boxes, confidence=scores)
    with pytest.raises(ValueError, match="must have class_id"):
        Detections.from_supervision(theirs, classes, (9, 9))


def test_it_draws_and_counts_them(found: Detections) -> None:
    picture = np.zeros((300, 400, 3), np.uint8)
    drawn = supervision.BoxAnnotator().annotate(picture.copy(), found.to_supervision())
    assert (drawn != picture).any()
    zone = supervision.PolygonZone(np.array([[0, 0], [100, 0], [100, 100], [0, 100]]))
    assert zone.trigger(found.to_supervision()).tolist() == [False, True, True]
