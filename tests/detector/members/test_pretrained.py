"""The weights that ship."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from detector.engines.stem import same_stems
from detector.members.file import load_member
from detector.rcnn import Detector, pretrained_paths
from proposals.boxes import pairwise_iou


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.from_pretrained(max_proposals=200)


def test_files_are_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in pretrained_paths()]
    assert max(sizes) <= 14 * 2**20
    assert sum(sizes) <= 85e6


def test_all_members_share_a_stem() -> None:
    members = [load_member(path) for path in pretrained_paths()]
    assert set(same_stems(members)) == {0}


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
