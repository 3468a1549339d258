from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.classes import ObjectClass, select_classes
from detector.datasets import DatasetError
from detector.detections.neighbours.label_studio import label_studio_config
from detector.detections.results import Detections

Compare = Callable[[Detections, Detections, float], None]
IMAGE = "/data/local-files/?d=street.jpg"


def as_task(found: Detections) -> Any:
    """Return the task as it comes back from a file."""
    return json.loads(json.dumps(found.to_label_studio(IMAGE, "voc9")))


def test_nothing_found_is_a_prediction_without_regions(
    nothing: Detections, assert_same: Compare
) -> None:
    task = as_task(nothing)
    assert task == {
        "data": {"image": IMAGE},
        "predictions": [{"model_version": "voc9", "result": []}],
    }
    assert_same(nothing, Detections.from_label_studio(task, nothing.classes, (300, 400)), 0)


def test_rectangles_are_in_percent_with_the_size_of_the_picture(found: Detections) -> None:
    (prediction,) = as_task(found)["predictions"]
    assert prediction["model_version"] == "voc9"
    assert prediction["score"] == pytest.approx(0.55)
    region = prediction["result"][1]
    assert region.pop("id") != prediction["result"][0]["id"]
    assert region == {
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": 400,
        "original_height": 300,
        "image_rotation": 0,
        "score": 0.5,
        "value": {
            "x": 3.0625,
            "y": 10.166667,
            "width": 9.625,
            "height": 16.833333,
            "rotation": 0,
            "rectanglelabels": ["person"],
        },
    }


def test_a_prediction_comes_back(found: Detections, assert_same: Compare) -> None:
    again = Detections.from_label_studio(as_task(found), found.classes, (300, 400))
    assert_same(found, again, 1e-3)


@given(
    sides=st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    corners=st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=4),
)
def test_any_box_comes_back_to_a_thousandth_of_a_pixel(
    sides: tuple[int, int], corners: list[tuple[float, ...]]
) -> None:
    height, width = sides
    shares = np.sort(np.array(corners, np.float64).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    boxes = (shares * [width, height, width, height]).astype(np.float32)
    boxes = np.minimum(boxes, np.array([width, height, width, height], np.float32))
    count = len(boxes)
    ours = Detections(
        boxes,
        np.full(count, 0.5, np.float32),
        np.zeros(count, np.int64),
        select_classes(["dog"]),
        sides,
    )
    again = Detections.from_label_studio(as_task(ours), ours.classes, sides)
    # Beyond 10,000 pixels a float32 itself has steps of a thousandth.
    np.testing.assert_allclose(again.boxes_xyxy, boxes, rtol=3e-7, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": []}, "must have one prediction but has 0"),
        ({"predictions": [{}, {}]}, "must have one prediction but has 2"),
        ({"predictions": None}, "has no list of predictions"),
        ({"predictions": [{"result": None}]}, '"result" must be a list'),
        ({"predictions": [7]}, '"result" must be a list'),
    ],
)
def test_tasks_without_one_prediction_are_refused(
    found: Detections, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Detections.from_label_studio({**as_task(found), **change}, found.classes, (300, 400))


def test_another_size_and_regions_without_score_are_refused(found: Detections) -> None:
    task = as_task(found)
    with pytest.raises(ValueError, match=r"\(300, 400\) that the task states but got \(400, 300\)"):
        Detections.from_label_studio(task, found.classes, (400, 300))
    task["predictions"][0]["result"][0]["image_rotation"] = 90
    with pytest.raises(DatasetError, match=r"prediction, result\[0\]: is turned"):
        Detections.from_label_studio(task, found.classes, (300, 400))
    task = as_task(found)
    del task["predictions"][0]["result"][2]["score"]
    with pytest.raises(ValueError, match="Label Studio's number 2 has none"):
        Detections.from_label_studio(task, found.classes, (300, 400))


def test_the_interface_names_every_class_and_what_tasks_refer_to(found: Detections) -> None:
    classes = (*found.classes, ObjectClass(7, "", 'a "b" & <c>'))
    view = ElementTree.fromstring(label_studio_config(classes))  # noqa: S314 - our own
    (labels,), (image,) = view.findall("RectangleLabels"), view.findall("Image")
    assert [one.get("value") for one in labels] == [one.name for one in classes]
    task = as_task(found)
    (prediction,) = task["predictions"]
    assert image.get("value") == "$image"
    assert set(task["data"]) == {"image"}
    for region in prediction["result"]:
        assert region["from_name"] == labels.get("name")
        assert region["to_name"] == image.get("name") == labels.get("toName")


@pytest.mark.filterwarnings("default")  # what other packages warn of is theirs
def test_label_studios_own_checker_takes_them(found: Detections, nothing: Detections) -> None:
    interface = pytest.importorskip(
        "label_studio_sdk.label_interface",
        reason="pip install label-studio-sdk, which no extra brings",
    )
    project = interface.LabelInterface(label_studio_config(found.classes))
    for one in (found, nothing):
        task = as_task(one)
        assert project.validate_task({"data": task["data"]})
        assert project.validate_prediction(task["predictions"][0])
