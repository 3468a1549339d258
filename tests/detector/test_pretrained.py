"""The weights that ship."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from detector.rcnn import Detector, pretrained_paths
from proposals.boxes import pairwise_iou


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.from_pretrained(max_proposals=200)


def test_files_are_small_enough_to_ship() -> None:
    assert all(path.stat().st_size <= 14 * 2**20 for path in pretrained_paths())


@pytest.mark.parametrize(
    ("picture", "name", "box_xyxy"),
    [
        (data.chelsea(), "domestic_cat", (60, 0, 430, 300)),
        (data.astronaut(), "person", (20, 0, 390, 512)),
    ],
    ids=["chelsea", "astronaut"],
)
def test_the_sample_pictures_show_what_they_show(
    detector: Detector,
    picture: np.ndarray,
    name: str,
    box_xyxy: tuple[int, int, int, int],
) -> None:
    found = detector.detect(picture).above(0.5)
    assert {found.classes[label].name for label in found.labels} == {name}
    truth = np.array([box_xyxy], np.float32)
    assert pairwise_iou(found.boxes_xyxy, truth).max() > 0.5
