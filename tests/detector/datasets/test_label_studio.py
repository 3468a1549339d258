from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detector.datasets import Coco, DatasetError
from detector.datasets.conversion.convert import convert_dataset, open_writer
from detector.datasets.label_studio import LabelStudioExport
from detector.datasets.problems import Problem

Write = Callable[[Any], Path]


def rectangle(name: str = "car", **changes: Any) -> dict[str, Any]:
    value = {"x": 10, "y": 20.0, "width": 30, "height": 40, "rotation": 0}
    return {
        "type": "rectanglelabels",
        "original_width": 40,
        "original_height": 30,
        "image_rotation": 0,
        "value": {**value, "rectanglelabels": [name], **changes.pop("value", {})},
        **changes,
    }


def task(image: str, *results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    annotation = {"was_cancelled": False, "result": list(results)}
    return {"data": {"image": image}, "annotations": [annotation], **changes}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for name in ("a.jpg", "far/b.jpg", "two words.png"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", (40, 30)).save(folder / name)
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(tasks: Any) -> Path:
        path = tmp_path / "export.json"
        path.write_text(json.dumps(tasks), encoding="utf-8")
        return path

    return write


def test_an_export_without_tasks_is_an_empty_data_set(write: Write, pictures: Path) -> None:
    dataset = LabelStudioExport(write([]), pictures)
    assert (len(dataset), dataset.classes) == (0, ())


def test_percent_become_pixels_and_known_classes_have_their_wordnet_ids(
    write: Write, pictures: Path
) -> None:
    choice = {"type": "choices", "value": {"choices": ["sunny"]}}
    export = write([task("a.jpg", rectangle("Traffic light"), choice, rectangle("bollard"))])
    dataset = LabelStudioExport(export, pictures)
    assert [(one.id, one.wnid, one.name) for one in dataset.classes] == [
        (1, "n06874185", "Traffic light"),
        (2, "", "bollard"),
    ]
    (annotation,) = dataset
    assert annotation.boxes_xyxy.tolist() == [[4, 6, 16, 18]] * 2
    assert annotation.class_keys == ("n06874185", "bollard")
    assert (annotation.image_size, annotation.image_path) == ((30, 40), pictures / "a.jpg")


def test_a_picture_on_which_nothing_was_drawn_is_empty(write: Write, pictures: Path) -> None:
    (annotation,) = LabelStudioExport(write([task("far/b.jpg")]), pictures)
    assert (len(annotation), annotation.image_size) == (0, (30, 40))


@pytest.mark.parametrize(
    ("address", "image_id"),
    [
        ("a.jpg", "a"),
        ("/data/local-files/?d=some/where/far/b.jpg", "far/b"),
        ("/data/local-files/?d=two%20words.png", "two words"),
        ("/data/upload/3/0123abcd-a.jpg", "a"),
        ("https://host/shop/two%20words.png?size=1", "two words"),
        ("s3://bucket/far/b.jpg", "far/b"),
    ],
)
def test_pictures_are_found_by_the_end_of_their_address(
    write: Write, pictures: Path, address: str, image_id: str
) -> None:
    assert LabelStudioExport(write([task(address)]), pictures).image_ids == (image_id,)


def test_tasks_that_nobody_annotated_are_left_out(write: Write, pictures: Path) -> None:
    skipped = [{"was_cancelled": True, "result": [rectangle()]}]
    tasks = [
        task("a.jpg", annotations=[]),
        task("far/b.jpg", annotations=skipped),
        task("two words.png", rectangle()),
    ]
    assert LabelStudioExport(write(tasks), pictures).image_ids == ("two words",)


def test_of_several_annotations_the_ground_truth_counts(write: Write, pictures: Path) -> None:
    drawn = [{"result": [rectangle()]}, {"result": [], "ground_truth": True}]
    (annotation,) = LabelStudioExport(write([task("a.jpg", annotations=drawn)]), pictures)
    assert len(annotation) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image": "a.jpg", "label": []}, "task[0] has no annotations: export as JSON, not as"),
        (7, "task[0] has no annotations"),
        (task("c.jpg", rectangle()), "which is no picture below"),
        (task("../pictures/a.jpg/..", rectangle()), "which is no picture below"),
        (task("http://[", rectangle()), "which is no picture below"),
        (task("a.jpg", data=[7]), "which is no picture below"),
        (task("a.jpg", annotations=[{"result": []}] * 2), "has 2 annotations: mark one as"),
        (task("a.jpg", annotations=[{}]), '"result" must be a list'),
        (task("a.jpg", rectangle(type="polygonlabels")), "is of type 'polygonlabels': draw"),
        (task("a.jpg", rectangle(type="rectangle")), "is of type 'rectangle': draw"),
        (task("a.jpg", rectangle(value={"rectanglelabels": []})), "must have one label"),
        (task("a.jpg", rectangle("")), "must have one label"),
        (task("a.jpg", rectangle(original_width=0)), "must be pixels, but are (30, 0)"),
        (task("a.jpg", rectangle(original_height="30")), "must be pixels"),
        (task("a.jpg", rectangle(image_rotation=90)), "is turned"),
        (task("a.jpg", rectangle(value={"rotation": 3.5})), "is turned"),
        (task("a.jpg", rectangle(value={"x": None})), "must be percent"),
        (task("a.jpg", rectangle(value={"x": True})), "must be percent"),
        (task("a.jpg", rectangle(value={"x": 1e9})), "must be percent"),
        (task("a.jpg", rectangle(value={"x": 101})), "lies outside the picture"),
        (task("a.jpg", rectangle(value={"width": -1})), "or is negative"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_read(
    write: Write, pictures: Path, wrong: Any, message: str
) -> None:
    problems: list[Problem] = []
    export = write([wrong, task("far/b.jpg", rectangle("dog"))])
    dataset = LabelStudioExport(export, pictures, problems.append)
    assert "far/b" in dataset.image_ids
    assert len(dataset.read("far/b")) == 1
    (problem,) = problems
    assert str(problem).startswith(f"{export}: task[0]")
    assert message in str(problem)
    assert "\n" not in str(problem)
    with pytest.raises(DatasetError):
        LabelStudioExport(export, pictures)


def test_two_tasks_of_one_picture_and_a_file_of_another_kind_are_told(
    write: Write, pictures: Path
) -> None:
    with pytest.raises(DatasetError, match=r"two tasks show .*a\.jpg: keep one"):
        LabelStudioExport(write([task("a.jpg")] * 2), pictures)
    with pytest.raises(DatasetError, match="must hold a list of tasks"):
        LabelStudioExport(write({"images": []}), pictures)


def test_what_was_drawn_becomes_a_tree_that_is_read_again(
    write: Write, pictures: Path, tmp_path: Path
) -> None:
    tasks = [task("a.jpg", rectangle(), rectangle("dog")), task("far/b.jpg")]
    labelled = LabelStudioExport(write(tasks), pictures)
    writer = open_writer(tmp_path / "tree", "train", "coco", labelled.classes)
    result = convert_dataset(labelled, writer, labelled.classes, lambda _: None)
    assert (result.images, result.objects, result.skipped) == (2, 2, [])
    tree = Coco(tmp_path / "tree", "train")
    for ours, again in zip(labelled, tree, strict=True):
        np.testing.assert_array_equal(again.boxes_xyxy, ours.boxes_xyxy)
        assert again.class_keys == ours.class_keys
