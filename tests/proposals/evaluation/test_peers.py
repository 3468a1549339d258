from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from proposals import ImageError
from proposals.boxes import pairwise_iou
from proposals.evaluation.peers import OPENCV_MODES, OpenCvSelectiveSearch


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, 300, 3), np.uint8),
        np.zeros((300, 1), np.uint8),
        np.full((40, 60), 128, np.uint8),
        np.full((40, 60, 4), 128, np.uint8),
    ],
    ids=["1x1", "1xN", "grey Nx1", "grey", "RGBA"],
)
def test_a_featureless_image_of_any_shape_is_one_box(image: NDArray[Any]) -> None:
    height, width = image.shape[:2]
    found = OpenCvSelectiveSearch("single")(image)
    assert found.boxes_xyxy.tolist() == [[0, 0, width, height]]
    assert found.image_size == (height, width)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ImageError, match="must be of shape"):
        OpenCvSelectiveSearch()(np.zeros(3, np.uint8))


@pytest.mark.parametrize("shape", [(300, 451), (600, 902)])
def test_boxes_lie_in_the_frame_of_the_picture(shape: tuple[int, int]) -> None:
    scale = shape[1] // 451
    picture = data.chelsea().repeat(scale, axis=0).repeat(scale, axis=1)
    found = OpenCvSelectiveSearch("single")(picture)
    assert found.sources == ("opencv_single",)
    assert found.image_size == shape
    assert found.boxes_xyxy[:, 2:].max(axis=0).tolist() == [shape[1], shape[0]]
    cat = scale * np.array([[45, 0, 400, 300]], np.float32)
    assert pairwise_iou(found.boxes_xyxy, cat).max() > 0.75


def test_boxes_are_opencvs_own_in_its_order() -> None:
    from proposals.opencv import cv2

    picture = data.astronaut()[:, :500]  # of the working width: nothing is scaled
    plain = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    plain.setBaseImage(np.ascontiguousarray(picture[:, :, ::-1]))
    plain.switchToSingleStrategy()
    x, y, width, height = plain.process().T
    found = OpenCvSelectiveSearch("single")(picture).boxes_xyxy.tolist()
    # The order is of random numbers that go on from call to call.
    assert sorted(found) == sorted(np.stack([x, y, x + width, y + height], axis=1).tolist())


def test_a_grey_picture_gives_what_its_rgb_copy_gives() -> None:
    grey = data.camera()[::4, ::4]
    search = OpenCvSelectiveSearch("single")
    of_grey, of_rgb = search(grey), search(np.stack([grey] * 3, axis=2))
    assert sorted(of_grey.boxes_xyxy.tolist()) == sorted(of_rgb.boxes_xyxy.tolist())
    assert len(of_grey) > 50


def test_a_pillow_image_and_its_file_give_what_its_pixels_give(tmp_path: Path) -> None:
    picture = Image.fromarray(data.chelsea()[::3, ::3]).quantize(64)
    picture.save(tmp_path / "cat.png")
    search = OpenCvSelectiveSearch("single")
    boxes = [
        sorted(search(one).boxes_xyxy.tolist())
        for one in (picture, tmp_path / "cat.png", np.asarray(picture.convert("RGB")))
    ]
    assert boxes[0] == boxes[1] == boxes[2]


def test_very_tall_images_are_worked_on_in_bounded_size() -> None:
    tall = np.zeros((3000, 10, 3), np.uint8)  # 150,000 pixels high if brought to full width
    assert OpenCvSelectiveSearch("single")(tall).boxes_xyxy.tolist() == [[0, 0, 10, 3000]]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="one of fast, quality, single, but got 'slow'"):
        OpenCvSelectiveSearch("slow")


def test_opencv_without_its_contributed_modules_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proposals.evaluation.peers.cv2", object())
    for mode in OPENCV_MODES:
        with pytest.raises(ImportError, match="opencv-contrib-python-headless") as raised:
            OpenCvSelectiveSearch(mode)
        assert raised.value.name == "cv2"
