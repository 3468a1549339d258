from __future__ import annotations

import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from proposals import MODES, ImageError, Proposals, SelectiveSearch, SelectiveSearchConfig
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


@pytest.mark.parametrize("mode", MODES)
def test_a_featureless_image_is_one_box(mode: str) -> None:
    found = SelectiveSearch(mode)(np.full((300, 400, 3), 77, np.uint8))
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
    alone = SelectiveSearch("quality", threads=1)(picture)
    found = SelectiveSearch("quality", threads=threads)(picture)
    np.testing.assert_array_equal(found.boxes_xyxy, alone.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, alone.scores)


def test_a_search_may_be_shared_by_threads() -> None:
    pictures = [data.coffee(), data.chelsea(), data.astronaut()] * 2
    search = SelectiveSearch(threads=2)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(search, pictures))
    for picture, of_picture in zip(pictures, found, strict=True):
        np.testing.assert_array_equal(of_picture.boxes_xyxy, search(picture).boxes_xyxy)


@pytest.mark.parametrize(("threads", "hash_seed"), [(1, "0"), (3, "77")])
def test_another_process_finds_the_same_boxes(threads: int, hash_seed: str) -> None:
    program = (
        "import sys; from skimage import data; from proposals import SelectiveSearch;"
        f"found = SelectiveSearch(threads={threads})(data.coffee());"
        "sys.stdout.buffer.write(found.boxes_xyxy.tobytes() + found.scores.tobytes())"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    ).stdout
    found = SelectiveSearch()(data.coffee())
    assert output == found.boxes_xyxy.tobytes() + found.scores.tobytes()


def test_scores_descend_and_tell_boxes_apart() -> None:
    scores = SelectiveSearch()(data.chelsea()).scores
    assert (np.diff(scores) <= 0).all()
    assert len(np.unique(scores)) > 0.9 * len(scores)
    assert scores[0] <= 0


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


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 100), (100, 1), (4, 400), (400, 4), (2, 2), (65, 3), (128, 40)]
)
@pytest.mark.parametrize("mode", MODES)
def test_any_shape_is_searched_at_its_own_size(mode: str, shape: tuple[int, int]) -> None:
    config = replace(MODES[mode], working_width=None, min_side=0)
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    boxes = SelectiveSearch(config)(noise).boxes_xyxy
    assert len(boxes) >= 1
    assert boxes[:, 2:].max(axis=0).tolist() == [shape[1], shape[0]]
    assert (boxes == np.rint(boxes)).all()


def test_native_size_is_the_working_width_of_a_picture_as_wide() -> None:
    picture = data.coffee()[:, :500]
    native = SelectiveSearch(replace(MODES["fast"], working_width=None))(picture)
    np.testing.assert_array_equal(native.boxes_xyxy, SelectiveSearch("fast")(picture).boxes_xyxy)


def test_colour_spaces_one_at_a_time_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    together = SelectiveSearch("quality")(data.coffee())
    monkeypatch.setattr(
        "proposals.selective_search.hierarchies._PIXELS_AT_ONCE", 1
    )  # as in huge images
    apart = SelectiveSearch("quality")(data.coffee())
    np.testing.assert_array_equal(apart.boxes_xyxy, together.boxes_xyxy)


def test_a_file_gives_what_its_pixels_give(tmp_path: Path) -> None:
    picture = data.coffee()[:200, :250]
    Image.fromarray(picture).save(tmp_path / "coffee.png")
    expected = SelectiveSearch(SMALL)(picture).boxes_xyxy
    for path in (tmp_path / "coffee.png", str(tmp_path / "coffee.png")):
        np.testing.assert_array_equal(SelectiveSearch(SMALL)(path).boxes_xyxy, expected)


@pytest.mark.parametrize("mode", ["P", "CMYK", "RGBA", "I;16"])
def test_a_pillow_image_gives_what_its_file_gives(mode: str, tmp_path: Path) -> None:
    picture = Image.fromarray(data.coffee()[:200, :250])
    if mode == "RGBA":
        picture.putalpha(Image.radial_gradient("L").resize(picture.size))
    elif mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 200)
    else:
        picture = picture.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 8  # turned by a quarter
    picture.save(tmp_path / "coffee.tif", exif=exif, compression="tiff_deflate")
    expected = SelectiveSearch(SMALL)(tmp_path / "coffee.tif")
    with Image.open(tmp_path / "coffee.tif") as opened:
        found = SelectiveSearch(SMALL)(opened)
    assert expected.image_size == (250, 200)
    assert len(expected) > 10
    np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.png: there is no such file"):
        SelectiveSearch(SMALL)(tmp_path / "none.png")


def test_a_float_picture_gives_what_its_uint8_copy_gives() -> None:
    picture = data.coffee()[:200, :250]
    search = SelectiveSearch(SMALL)
    np.testing.assert_array_equal(search(picture / 255).boxes_xyxy, search(picture).boxes_xyxy)


def test_a_mirrored_picture_gives_about_the_mirrored_boxes() -> None:
    # Not exactly: filters add from left to right, and equal edges are taken from left to right.
    picture = data.chelsea()
    search = SelectiveSearch(replace(MODES["fast"], working_width=None))
    boxes = search(picture).boxes_xyxy
    turned = search(np.ascontiguousarray(picture[:, ::-1])).boxes_xyxy
    turned[:, [0, 2]] = picture.shape[1] - turned[:, [2, 0]]
    best = pairwise_iou(boxes, turned).max(axis=1)
    assert np.median(best) > 0.95
    assert (best > 0.5).mean() > 0.95


def test_boxes_move_with_a_thing_on_a_plain_ground() -> None:
    # Exactly, but only off the border, where the ground's own box comes in; so we compare the
    # boxes that do not touch it.
    thing = data.chelsea()[90:170, 130:230]
    search = SelectiveSearch(replace(MODES["doubled"], working_width=None, min_side=8))
    found = []
    for top, left in ((30, 30), (63, 47)):
        ground = np.full((200, 220, 3), 240, np.uint8)
        ground[top : top + 80, left : left + 100] = thing
        boxes = search(ground).boxes_xyxy - np.array([left, top, left, top], np.float32)
        inside = (boxes.min(axis=1) > -25) & (boxes.max(axis=1) < 125)
        found.append({tuple(box) for box in boxes[inside]})
    assert len(found[0]) > 20
    assert found[0] == found[1]


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
        ({"ks": 50}, r"ks must be .* such as \(50, 100\), but got 50$"),
        ({"ks": (50.0,)}, r"ks must be a whole number, 1 or more, but got 50\.0$"),
        ({"ks": (True,)}, "ks must be .*, but got True$"),
        ({"ks": ("50",)}, "ks must be"),
        ({"ks": "50"}, "ks must be"),
        ({"ks": {50}}, "ks must be"),
        ({"colour_spaces": ()}, "colour_spaces must be out of"),
        ({"colour_spaces": "h"}, "colour_spaces must be out of .*, but got 'h'$"),
        ({"colour_spaces": (["hsv"],)}, "colour_spaces must be out of"),
        ({"similarities": ()}, "similarities must be"),
        ({"similarities": ("size", "fill")}, "similarities must be"),
        ({"similarities": "size"}, "similarities must be"),
        ({"sigma": math.nan}, "^sigma must be a finite number, 0 or more, but got nan$"),
        ({"sigma": math.inf}, "sigma must be"),
        ({"sigma": "0.8"}, "sigma must be"),
        ({"sigma": None}, "sigma must be"),
        ({"texture_sigma": 0}, "texture_sigma must be a finite number, above 0, but got 0$"),
        ({"texture_sigma": math.inf}, "texture_sigma must be"),
        ({"texture_sigma": math.nan}, "texture_sigma must be"),
        ({"working_width": 0}, "working_width must be a whole number, 1 or more, but got 0$"),
        ({"working_width": 500.0}, "working_width must be"),
        ({"min_side": -1}, "min_side must be a whole number, 0 or more, but got -1$"),
        ({"min_side": 2.5}, "min_side must be"),
        ({"min_side": True}, "min_side must be"),
        ({"min_side": None}, "min_side must be"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelectiveSearchConfig(**{"ks": (50,), **settings})


def test_lists_are_taken_for_tuples_and_numbers_of_numpy_for_numbers() -> None:
    lists = SelectiveSearchConfig(
        ks=[50, np.int64(100)],  # type: ignore[arg-type]
        colour_spaces=["hsv"],  # type: ignore[arg-type]
        similarities=[["size"], ("fill",)],  # type: ignore[arg-type]
        sigma=np.float32(0.5),  # type: ignore[arg-type]
        min_side=np.int32(8),  # type: ignore[arg-type]
    )
    tuples = SelectiveSearchConfig((50, 100), ("hsv",), (("size",), ("fill",)), 0.5, min_side=8)
    assert lists == tuples
    assert hash(lists) == hash(tuples)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "slow"}, r"mode must be one of doubled, fast, single, quality, or a .*'slow'$"),
        ({"mode": ""}, "mode must be one of"),
        ({"mode": None}, "mode must be one of .*, but got None$"),
        ({"mode": 3}, "mode must be one of"),
        ({"mode": ["fast"]}, "mode must be one of"),
        ({"mode": {"ks": (50,)}}, "mode must be one of"),
        ({"seed": -1}, "seed must be a whole number, from 0 to 4294967295, but got -1$"),
        ({"seed": 1 << 32}, "seed must be"),
        ({"seed": 1.0}, "seed must be"),
        ({"seed": True}, "seed must be .*, but got True$"),
        ({"seed": None}, "seed must be"),
        ({"seed": "1"}, "seed must be"),
        ({"threads": 0}, "threads must be a whole number, 1 or more, but got 0$"),
        ({"threads": 2.0}, "threads must be"),
        ({"threads": True}, "threads must be"),
    ],
)
def test_a_search_that_is_impossible_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelectiveSearch(**settings)


@pytest.mark.parametrize("seed", [0, (1 << 32) - 1, np.uint32(7)])
def test_every_seed_of_32_bits_is_taken(seed: int) -> None:
    assert SelectiveSearch(SMALL, seed=seed)(np.zeros((9, 9), np.uint8)).image_size == (9, 9)


def test_as_many_threads_as_the_process_has_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proposals.selective_search.search.available_processors", lambda: 7)
    assert SelectiveSearch().threads == 7
    assert SelectiveSearch(threads=2).threads == 2


def test_the_first_few_proposals_are_the_best() -> None:
    boxes = np.array([[0, 0, 5, 5], [1, 1, 4, 4]], np.float32)
    found = Proposals.of_one_source(boxes, (10, 10), "test")
    assert found.first(1).boxes_xyxy.tolist() == [[0, 0, 5, 5]]
    assert len(found.first(9)) == 2


@pytest.mark.parametrize("box", [[0, 0, 11, 5], [-1, 0, 5, 5]])
def test_proposals_outside_the_image_are_refused(box: list[int]) -> None:
    with pytest.raises(ValueError, match="must lie within the image of 10 x 8"):
        Proposals.of_one_source(np.array([box], np.float32), (8, 10), "test")
