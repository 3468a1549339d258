from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from proposals import MODES, Proposals, SelectiveSearch, SelectiveSearchConfig
from proposals.boxes import pairwise_iou

SMALL = SelectiveSearchConfig(ks=(50,), working_width=120, min_side=8)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, 300, 3), np.uint8),
        np.zeros((300, 1, 3), np.uint8),
        np.arange(256, dtype=np.uint8)[None, :],
        np.full((40, 60, 3), 128, np.uint8),
        np.full((40, 60), 128, np.uint8),
        np.random.default_rng(0).random((5, 500)),
        np.random.default_rng(0).random((500, 5)),
    ],
    ids=["1x1", "1xN", "Nx1", "grey 1xN", "featureless", "grey", "flat", "tall"],
)
def test_degenerate_images_give_boxes_or_none(image: NDArray[Any]) -> None:
    boxes = SelectiveSearch()(image).boxes_xyxy
    assert boxes.dtype == np.float32
    assert boxes.ndim == 2
    assert boxes.shape[1] == 4


def test_a_featureless_image_is_one_box() -> None:
    found = SelectiveSearch()(np.full((300, 400, 3), 77, np.uint8))
    assert found.boxes_xyxy.tolist() == [[0, 0, 400, 300]]


@pytest.mark.parametrize("mode", MODES)
def test_boxes_lie_within_the_image_are_unique_and_large_enough(mode: str) -> None:
    picture = data.chelsea()  # 451 pixels wide
    found = SelectiveSearch(mode)(picture)
    boxes = found.boxes_xyxy
    assert found.image_size == picture.shape[:2]
    assert len(np.unique(boxes, axis=0)) == len(boxes) > 100
    assert boxes.min() >= 0
    assert (boxes[:, 2:] <= (451, 300)).all()
    assert (boxes[:, 2:] - boxes[:, :2]).min() > 0.99 * 20 * 451 / 500


def test_the_cat_is_found() -> None:
    cat = np.array([[45, 0, 400, 300]], np.float32)
    assert pairwise_iou(SelectiveSearch()(data.chelsea()).boxes_xyxy, cat).max() > 0.75


def test_doubled_superpixels_about_halve_the_boxes() -> None:
    picture = data.coffee()
    counts = {mode: len(SelectiveSearch(mode)(picture)) for mode in ("doubled", "fast")}
    assert 0.4 < counts["doubled"] / counts["fast"] < 0.65


def test_large_regions_come_first_on_the_whole() -> None:
    boxes = SelectiveSearch("fast")(data.astronaut()).boxes_xyxy
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    quarter = len(areas) // 4
    assert np.median(areas[:quarter]) > 2 * np.median(areas[-quarter:])


def test_seeds_order_the_same_boxes_in_another_way() -> None:
    first, second = (SelectiveSearch(SMALL, seed=seed)(data.coffee()).boxes_xyxy for seed in (1, 2))
    assert not np.array_equal(first, second)
    assert {tuple(box) for box in first} == {tuple(box) for box in second}


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_number_of_threads_changes_nothing(threads: int) -> None:
    picture = data.coffee()
    alone = SelectiveSearch(threads=1)(picture).boxes_xyxy
    np.testing.assert_array_equal(SelectiveSearch(threads=threads)(picture).boxes_xyxy, alone)


def test_another_process_finds_the_same_boxes() -> None:
    program = (
        "import sys; from skimage import data; from proposals import SelectiveSearch;"
        "sys.stdout.buffer.write(SelectiveSearch()(data.coffee()).boxes_xyxy.tobytes())"
    )
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    assert output == SelectiveSearch()(data.coffee()).boxes_xyxy.tobytes()


def test_boxes_are_those_of_the_first_release() -> None:
    # Kept by value: a change of these numbers is a change of everybody's proposals.
    found = SelectiveSearch()(data.chelsea())
    first_three = [[0, 0, 451, 300], [0, 0, 304.876, 159.459], [0, 0, 177.694, 142.342]]
    assert len(found) == 408
    np.testing.assert_allclose(found.boxes_xyxy[:3], first_three, atol=1e-3)


def test_a_grey_picture_gives_what_its_rgb_copy_gives() -> None:
    grey = data.camera()[::2, ::2]
    rgb = np.repeat(grey[:, :, None], 3, axis=2)
    search = SelectiveSearch(SMALL)
    np.testing.assert_array_equal(search(grey).boxes_xyxy, search(rgb).boxes_xyxy)


def test_boxes_scale_with_the_picture() -> None:
    picture = data.coffee()[:, :500]  # already 500 wide: nothing is resized
    twice = np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)
    boxes = SelectiveSearch()(twice).boxes_xyxy
    assert boxes[:, 2].max() == 1000
    assert 0.7 < len(boxes) / len(SelectiveSearch()(picture)) < 1.4


def test_importing_proposals_imports_no_torch() -> None:
    program = "import sys; from proposals import SelectiveSearch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ks": ()}, "ks must be"),
        ({"ks": (0,)}, "ks must be"),
        ({"ks": (50,), "colour_spaces": ("xyz",)}, "colour_spaces must be out of"),
        ({"ks": (50,), "similarities": (("shape",),)}, "similarities must be"),
        ({"ks": (50,), "similarities": ((),)}, "similarities must be"),
        ({"ks": (50,), "sigma": -1}, "sigma must be"),
        ({"ks": (50,), "working_width": 0}, "working_width must be"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelectiveSearchConfig(**settings)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mode must be one of doubled, fast, but got 'slow'"):
        SelectiveSearch("slow")


def test_the_first_few_proposals_are_the_best() -> None:
    boxes = np.array([[0, 0, 5, 5], [1, 1, 4, 4]], np.float32)
    found = Proposals.of_one_source(boxes, (10, 10), "test")
    assert found.first(1).boxes_xyxy.tolist() == [[0, 0, 5, 5]]
    assert len(found.first(9)) == 2


@pytest.mark.parametrize("box", [[0, 0, 11, 5], [-1, 0, 5, 5]])
def test_proposals_outside_the_image_are_refused(box: list[int]) -> None:
    with pytest.raises(ValueError, match="must lie within the image of 10 x 8"):
        Proposals.of_one_source(np.array([box], np.float32), (8, 10), "test")
