from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from proposals import MODES, ImageError, SelectiveSearch
from proposals.opencv import cv2
from proposals.selective_search import opencv_api
from proposals.selective_search.opencv_api import (
    SelectiveSearchSegmentation,
    createSelectiveSearchSegmentation,
)

PICTURE = data.coffee()[:200, :250]
BGR = np.ascontiguousarray(PICTURE[:, :, ::-1])

SWITCHES: dict[str, Callable[[Any], Callable[..., None]]] = {
    "fast": lambda search: search.switchToSelectiveSearchFast,
    "quality": lambda search: search.switchToSelectiveSearchQuality,
    "single": lambda search: search.switchToSingleStrategy,
}


def search_of(image: NDArray[Any], **settings: Any) -> SelectiveSearchSegmentation:
    search = createSelectiveSearchSegmentation(**settings)
    search.setBaseImage(image)
    return search


def expected(mode: str, **settings: Any) -> list[list[float]]:
    config = replace(MODES[mode], working_width=None, **settings)
    return SelectiveSearch(config)(PICTURE).boxes_xywh.tolist()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (3, 4, 1), (2, 2, 3), (40, 60, 4)])
@pytest.mark.parametrize("mode", SWITCHES)
def test_degenerate_images_give_boxes_or_none(mode: str, shape: tuple[int, ...]) -> None:
    for min_side, count in ((0, 1), (99, 0)):
        search = search_of(np.full(shape, 7, np.uint8), min_side=min_side)
        SWITCHES[mode](search)()
        found = search.process()
        assert (found.dtype, found.shape) == (np.int32, (count, 4))
        assert found.tolist() == [[0, 0, shape[1], shape[0]]] * count


@pytest.mark.parametrize("mode", SWITCHES)
def test_boxes_are_those_of_the_mode_at_the_pictures_own_size(mode: str) -> None:
    search = search_of(BGR)
    SWITCHES[mode](search)()
    assert search.process().tolist() == expected(mode)


@pytest.mark.parametrize(
    ("mode", "arguments", "settings"),
    [
        ("fast", {"base_k": 80}, {"ks": (80, 230, 380)}),
        ("fast", {"inc_k": 20}, {"ks": (150, 170, 190)}),
        (
            "fast",
            {"base_k": 150, "inc_k": 150, "sigma": 0.5},
            {"ks": (150, 300, 450), "sigma": 0.5},
        ),
        ("fast", {"sigma": 1.2}, {"sigma": 1.2}),
        ("quality", {"base_k": 60, "inc_k": 30}, {"ks": (60, 90, 120, 150, 180)}),
        ("single", {"k": 200}, {"ks": (200,)}),
        ("single", {"k": 80, "sigma": 0}, {"ks": (80,), "sigma": 0}),
    ],
)
def test_what_opencv_takes_is_honoured(
    mode: str, arguments: dict[str, float], settings: dict[str, Any]
) -> None:
    by_name, by_place = search_of(BGR), search_of(BGR)
    SWITCHES[mode](by_name)(**arguments)
    found = by_name.process().tolist()
    assert found == expected(mode, **settings)
    if list(arguments) in (["k"], ["k", "sigma"], ["base_k"], ["base_k", "inc_k", "sigma"]):
        SWITCHES[mode](by_place)(*arguments.values())
        assert by_place.process().tolist() == found


def test_a_program_for_opencv_runs_with_one_import_changed() -> None:
    for segmentation in (cv2.ximgproc.segmentation, opencv_api):
        search = segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(BGR)
        search.switchToSingleStrategy(200, 0.8)
        boxes = search.process()
        assert boxes.dtype == np.int32
        assert boxes.shape[1] == 4
        assert [0, 0, 250, 200] in boxes.tolist()


def test_every_method_of_opencvs_class_is_there() -> None:
    theirs = set(dir(cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()))
    of_all_algorithms = {"clear", "empty", "getDefaultName", "read", "save", "write"}
    wanted = {name for name in theirs - of_all_algorithms if not name.startswith("_")}
    assert wanted <= set(dir(SelectiveSearchSegmentation))


def test_images_and_modes_may_change_in_any_order() -> None:
    search = createSelectiveSearchSegmentation(threads=1)
    search.switchToSingleStrategy()
    search.setBaseImage(np.zeros((30, 40, 3), np.uint8))
    assert search.process().tolist() == [[0, 0, 40, 30]]
    search.setBaseImage(BGR)
    assert search.process().tolist() == expected("single")
    search.switchToSelectiveSearchFast()
    assert search.process().tolist() == expected("fast")


def test_alpha_lies_over_white_and_grey_is_taken() -> None:
    clear = np.dstack([BGR, np.zeros(BGR.shape[:2], np.uint8)])
    opaque = np.dstack([BGR, np.full(BGR.shape[:2], 255, np.uint8)])
    grey = BGR[:, :, 1]
    counts = []
    for image in (clear, opaque, BGR, grey, np.dstack([grey] * 3)):
        search = search_of(image)
        search.switchToSingleStrategy()
        counts.append(search.process().tolist())
    assert counts[0] == [[0, 0, 250, 200]]
    assert counts[1] == counts[2]
    assert counts[3] == counts[4]


def test_seeds_order_the_boxes() -> None:
    found = []
    for seed in (0, 0, 1):
        search = search_of(BGR, seed=seed)
        search.switchToSelectiveSearchFast()
        found.append(search.process().tolist())
    assert found[0] == found[1] != found[2]
    assert sorted(found[0]) == sorted(found[2])


def test_what_is_missing_is_asked_for() -> None:
    search = createSelectiveSearchSegmentation()
    with pytest.raises(ValueError, match=r"no image yet: call setBaseImage"):
        search.process()
    search.setBaseImage(BGR)
    with pytest.raises(ValueError, match="no mode yet: call switchToSelectiveSearchFast"):
        search.process()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "img must be a BGR array, but got NoneType; did cv2.imread find the file"),
        ("cat.png", "img must be a BGR array, but got str$"),
        (np.zeros((0, 3, 3), np.uint8), "shape"),
        (np.zeros((3, 40, 50), np.uint8), "channels come last"),
    ],
)
def test_what_is_no_image_is_refused(image: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        createSelectiveSearchSegmentation().setBaseImage(image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base_k": 0}, "base_k must be a whole number, 1 or more, but got 0"),
        ({"base_k": 1.5}, "base_k must be"),
        ({"inc_k": 0}, "inc_k must be"),
        ({"sigma": -1}, "sigma must be a finite number"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    search = createSelectiveSearchSegmentation()
    for switch in (search.switchToSelectiveSearchFast, search.switchToSelectiveSearchQuality):
        with pytest.raises(ValueError, match=message):
            switch(**arguments)
    with pytest.raises(ValueError, match="k"):
        search.switchToSingleStrategy(k=0)


@pytest.mark.parametrize("settings", [{"seed": -1}, {"threads": 0}, {"min_side": -1}])
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(settings))} must be"):
        createSelectiveSearchSegmentation(**settings)


def test_parts_of_opencvs_engine_are_refused_with_the_remedy() -> None:
    search = createSelectiveSearchSegmentation()
    for call, remedy in (
        (lambda: search.addImage(BGR), "colour_spaces"),
        (search.clearImages, "colour_spaces"),
        (lambda: search.addGraphSegmentation(None), "ks and sigma"),
        (search.clearGraphSegmentations, "ks and sigma"),
        (lambda: search.addStrategy(None), "similarities"),
        (search.clearStrategies, "similarities"),
    ):
        with pytest.raises(NotImplementedError, match=f"give {remedy} of"):
            call()
