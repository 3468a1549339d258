from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from detector.proposal_file import (
    ProposalFileError,
    load_proposals,
    propose_for_files,
    save_proposals,
)
from proposals import ImageError, Proposals

NO_BOXES = np.zeros((0, 4), np.float32)
ONE_BOX = np.array([[1, 2, 3, 4.5]], np.float32)


@pytest.mark.parametrize(
    "boxes_by_image",
    [{}, {"a": NO_BOXES}, {"a": ONE_BOX}, {"a": ONE_BOX, "sub/b": NO_BOXES, "ä": ONE_BOX + 1}],
)
def test_proposals_come_back_as_they_were_saved(
    boxes_by_image: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "proposals.npz"
    save_proposals(path, boxes_by_image)
    found = load_proposals(path)
    assert list(found) == list(boxes_by_image)
    for image_id, boxes in boxes_by_image.items():
        np.testing.assert_array_equal(found[image_id], boxes)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "proposals.npz"
    save_proposals(path, {"a": ONE_BOX})
    whole = path.read_bytes()
    np.savez(tmp_path / "other.npz", other=ONE_BOX)
    contents = [b"", b"text", whole[: len(whole) // 2], (tmp_path / "other.npz").read_bytes()]
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(ProposalFileError, match="delete it to make it anew"):
            load_proposals(path)


def test_pictures_keep_their_order_and_bad_ones_are_told(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("tall.png", "bad.png", "wide.png")]
    Image.fromarray(data.coffee()[:, :50]).save(paths[0])
    paths[1].write_bytes(b"no picture")
    Image.fromarray(data.coffee()[:60]).save(paths[2])

    def whole_image(image: np.ndarray) -> Proposals:
        height, width = image.shape[:2]
        return Proposals.of_one_source(
            np.array([[0, 0, width, height]], np.float32), (height, width), "test"
        )

    tall, bad, wide = propose_for_files(paths, whole_image, threads=2)
    assert isinstance(bad, ImageError)
    assert isinstance(tall, np.ndarray)
    assert isinstance(wide, np.ndarray)
    assert tall.tolist() == [[0, 0, 50, 400]]
    assert wide.tolist() == [[0, 0, 600, 60]]
