from __future__ import annotations

from collections.abc import Callable

import pytest

from detector.classes import select_classes
from detector.detections.results import Detections

pytestmark = pytest.mark.filterwarnings("default")  # what other packages warn of is theirs
fiftyone = pytest.importorskip("fiftyone", reason="pip install fiftyone, which no extra brings")
Compare = Callable[[Detections, Detections, float], None]


def test_nothing_found_is_empty_there_and_comes_back(
    nothing: Detections, assert_same: Compare
) -> None:
    theirs = nothing.to_fiftyone()
    assert theirs.detections == []
    assert_same(nothing, Detections.from_fiftyone(theirs, nothing.classes, (300, 400)), 0)


def test_boxes_are_shares_of_the_image_and_come_back(
    found: Detections, assert_same: Compare
) -> None:
    theirs = found.to_fiftyone()
    first, second, _ = theirs.detections
    assert (first.label, first.bounding_box) == ("traffic_light", [0, 0, 1, 1])
    assert second.bounding_box == pytest.approx([12.25 / 400, 30.5 / 300, 38.5 / 400, 50.5 / 300])
    assert second.confidence == 0.5
    assert_same(found, Detections.from_fiftyone(theirs, found.classes, (300, 400)), 1e-4)


def test_a_sample_keeps_them(found: Detections, assert_same: Compare) -> None:
    sample = fiftyone.Sample(filepath="street.jpg", found=found.to_fiftyone())
    read = fiftyone.Sample.from_dict(sample.to_dict())["found"]
    assert_same(found, Detections.from_fiftyone(read, found.classes, (300, 400)), 1e-4)


def test_annotations_and_strange_classes_are_refused(found: Detections) -> None:
    theirs = found.to_fiftyone()
    with pytest.raises(ValueError, match="'traffic_light' names no class"):
        Detections.from_fiftyone(theirs, select_classes(["dog", "person"]), (300, 400))
    theirs.detections[1].confidence = None
    with pytest.raises(ValueError, match="FiftyOne's number 1 has none: it is an annotation"):
        Detections.from_fiftyone(theirs, found.classes, (300, 400))
