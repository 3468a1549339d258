from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.datasets import ImageAnnotation
from detector.training.run import load_proposals, propose_for_data_set
from proposals import ProposalFileError, Proposals, Proposer
from proposals.storage.header import ProposalSettings


def halves(image: NDArray[np.uint8]) -> Proposals:
    height, width = image.shape[:2]
    boxes = [[0, 0, width / 2, height], [width / 2, 0, width, height]]
    return Proposals.of_one_source(boxes, (height, width), "halves")


def annotation(path: Path, size: tuple[int, int] = (10, 20)) -> ImageAnnotation:
    return ImageAnnotation(path.stem, path, size, np.zeros((0, 4), np.float32), ())


@pytest.fixture
def annotations(tmp_path: Path) -> list[ImageAnnotation]:
    """Return those of a good picture, one that is none, and one whose size they state wrongly."""
    for name in ("good", "wrong"):
        Image.new("RGB", (20, 10)).save(tmp_path / f"{name}.png")
    (tmp_path / "bad.png").write_text("no picture")
    return [
        annotation(tmp_path / "bad.png"),
        annotation(tmp_path / "good.png"),
        annotation(tmp_path / "wrong.png", (20, 10)),
    ]


def propose(annotations: list[ImageAnnotation], path: Path, proposer: Proposer = halves) -> None:
    propose_for_data_set(
        annotations, lambda: proposer, path, ProposalSettings("halves"), 2, lambda _done: None
    )


def test_images_without_fitting_proposals_are_left_out_and_told(
    annotations: list[ImageAnnotation], tmp_path: Path
) -> None:
    path = tmp_path / "proposals.parquet"
    propose(annotations, path)
    images = load_proposals(annotations, path)
    assert images.annotations == (annotations[1],)
    assert [boxes.tolist() for boxes in images.boxes_xyxy] == [[[0, 0, 10, 10], [10, 0, 20, 10]]]
    bad, wrong = images.skipped
    assert "bad.png: not a picture" in bad
    assert "'wrong' is a picture of 20 x 10 there, but of 10 x 20 here" in wrong


def test_boxes_without_area_are_no_windows(
    annotations: list[ImageAnnotation], save_proposals: Callable[..., Path], tmp_path: Path
) -> None:
    boxes = [[2, 4, 9, 4], [0, 0, 20, 10], [7, 0, 7, 10]]
    path = save_proposals(tmp_path / "flat.parquet", {"good": ((10, 20), boxes)})
    images = load_proposals(annotations[1:2], path)
    assert [found.tolist() for found in images.boxes_xyxy] == [[[0, 0, 20, 10]]]


def test_no_images_have_no_proposals(tmp_path: Path) -> None:
    path = tmp_path / "proposals.parquet"
    propose([], path)
    images = load_proposals([], path)
    assert (images.annotations, images.boxes_xyxy, images.skipped) == ((), (), ())


def test_what_an_earlier_run_proposed_is_not_proposed_again(
    annotations: list[ImageAnnotation], tmp_path: Path
) -> None:
    def never(_image: NDArray[np.uint8]) -> Proposals:
        raise AssertionError

    path = tmp_path / "proposals.parquet"
    propose(annotations, path)
    propose(annotations, path, never)
    with pytest.raises(ProposalFileError, match="made with 3 images, not 2"):
        propose(annotations[1:], path, never)


def test_a_file_of_other_images_is_refused(
    annotations: list[ImageAnnotation], tmp_path: Path
) -> None:
    path = tmp_path / "proposals.parquet"
    propose(annotations[1:], path)
    with pytest.raises(ProposalFileError, match=r"no image has proposals; the first: .*'bad'"):
        load_proposals(annotations[:1], path)
