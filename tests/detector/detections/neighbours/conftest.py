from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detector.classes import select_classes
from detector.detections.results import Detections

CLASSES = select_classes(["person", "dog", "traffic light"])


@pytest.fixture(scope="session")
def found() -> Detections:
    """Return three objects in a picture of 400 x 300 pixels, one with edges between pixels."""
    return Detections(
        boxes_xyxy=np.array([[0, 0, 400, 300], [12.25, 30.5, 50.75, 81], [1, 2, 3, 4]], np.float32),
        scores=np.array([0.9, 0.5, 0.25], np.float32),
        labels=np.array([2, 0, 2]),
        classes=CLASSES,
        image_size=(300, 400),
    )


@pytest.fixture(scope="session")
def nothing() -> Detections:
    return Detections.empty(CLASSES, (300, 400))


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Detections, Detections, float], None]:
    """Compare detections; boxes may differ by a given number of pixels."""

    def compare(ours: Detections, again: Detections, pixels: float = 0) -> None:
        np.testing.assert_allclose(again.boxes_xyxy, ours.boxes_xyxy, rtol=0, atol=pixels)
        assert again.scores.tolist() == ours.scores.tolist()
        assert again.labels.tolist() == ours.labels.tolist()
        assert (again.classes, again.image_size) == (ours.classes, ours.image_size)

    return compare
