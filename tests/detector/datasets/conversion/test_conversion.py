from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.classes import ObjectClass, coco_classes, ilsvrc_classes, voc_classes
from detector.datasets import DATASET_FORMATS, Dataset, DatasetError, DatasetFormat, open_dataset
from detector.datasets.annotation import ImageAnnotation
from detector.datasets.conversion.convert import open_writer
from detector.datasets.conversion.placing import SourcePicture

DOG, CAT, BOAT = "n02084071", "n02121808", "n04530566"
SCREW = ObjectClass(4, "", "wood screw")
OWN = (SCREW, ObjectClass(9, DOG, "good dog"), ObjectClass(2, "", "nut"))
CLASSES: dict[str, tuple[ObjectClass, ...]] = {
    "ilsvrc": ilsvrc_classes(),
    "voc": voc_classes(),
    "coco": coco_classes(),
}


def annotated(
    boxes: Sequence[Sequence[float]] = (),
    *keys: str,
    image_id: str = "a",
    size: tuple[int, int] = (40, 60),
    path: Path = Path("a.jpg"),
    **marks: Any,
) -> ImageAnnotation:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return ImageAnnotation(image_id, path, size, corners, keys, **marks)


def written(
    root: Path,
    dataset_format: DatasetFormat,
    annotations: Sequence[ImageAnnotation],
    classes: Sequence[ObjectClass],
) -> Dataset:
    """Write annotations, all with an empty file as picture, and open what was written."""
    root.mkdir(parents=True, exist_ok=True)
    picture = root / "picture.jpg"
    picture.touch()
    writer = open_writer(root, "val", dataset_format, classes)
    for number, annotation in enumerate(annotations, 1):
        writer.add(annotation, number, SourcePicture(picture, annotation.image_size, None))
    writer.finish()
    return open_dataset(root, "val", dataset_format)


def facts(annotation: ImageAnnotation) -> tuple[Any, ...]:
    """Return what must survive in any format."""
    boxes = annotation.boxes_xyxy.tolist()
    return annotation.image_id, annotation.image_size, boxes, annotation.class_keys


# --- what is written -------------------------------------------------------------------------


def test_ilsvrc_counts_pixels_from_0_and_names_wordnet_ids(tmp_path: Path) -> None:
    one = annotated([[0, 0, 60, 40], [7, 9, 8, 10.5]], DOG, CAT, difficult=(True, False))
    written(tmp_path, "ilsvrc", [one], ilsvrc_classes())
    assert (tmp_path / "ImageSets/DET/val.txt").read_text() == "a 1\n"
    assert (tmp_path / "Data/DET/val/a.JPEG").exists()
    root = ET.parse(tmp_path / "Annotations/DET/val/a.xml").getroot()  # noqa: S314 - our own
    assert [root.findtext(f"size/{tag}") for tag in ("width", "height")] == ["60", "40"]
    assert [found.findtext("name") for found in root.iter("object")] == [DOG, CAT]
    assert [[edge.text for edge in box] for box in root.iter("bndbox")] == [
        ["0", "0", "59", "39"],
        ["7", "9", "7", "9.5"],
    ]
    assert root.find("object/difficult") is None


def test_voc_counts_pixels_from_1_and_has_its_own_names(tmp_path: Path) -> None:
    one = annotated([[0, 0, 60, 40], [7, 9, 8, 10]], DOG, BOAT, difficult=(True, False))
    written(tmp_path, "voc", [one], ilsvrc_classes()[:0] + coco_classes()[8:18])
    assert (tmp_path / "ImageSets/Main/val.txt").read_text() == "a\n"
    assert (tmp_path / "JPEGImages/a.jpg").exists()
    root = ET.parse(tmp_path / "Annotations/a.xml").getroot()  # noqa: S314 - our own
    assert root.findtext("filename") == "a.jpg"
    assert [found.findtext("name") for found in root.iter("object")] == ["dog", "boat"]
    assert [found.findtext("difficult") for found in root.iter("object")] == ["1", "0"]
    assert [[edge.text for edge in box] for box in root.iter("bndbox")] == [
        ["1", "1", "60", "40"],
        ["8", "10", "8", "10"],
    ]


def test_coco_has_corners_and_sizes_and_the_numbers_of_classes(tmp_path: Path) -> None:
    one = annotated([[0, 0, 60, 40], [0.3, 9, 8.2, 10]], DOG, SCREW.key, crowd=(True, False))
    written(tmp_path, "coco", [one], OWN)
    document = json.loads((tmp_path / "annotations/instances_val.json").read_text())
    assert document["images"] == [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}]
    assert document["categories"][:2] == [
        {"id": 4, "name": "wood screw", "wnid": ""},
        {"id": 9, "name": "good dog", "wnid": DOG},
    ]
    first, second = document["annotations"]
    assert (first["id"], first["image_id"], first["category_id"]) == (1, 1, 9)
    assert (first["bbox"], first["area"], first["iscrowd"]) == ([0, 0, 60, 40], 2400, 1)
    assert (second["bbox"], second["category_id"], second["iscrowd"]) == ([0.3, 9, 7.9, 1], 4, 0)


# --- round trips -----------------------------------------------------------------------------


@st.composite
def images(draw: st.DrawFn, keys: Sequence[str], *, grid: int) -> ImageAnnotation:
    """Draw an image; edges of boxes are multiples of 1 / grid, and a pixel apart at least."""
    height, width = draw(st.integers(1, 700)), draw(st.integers(1, 700))
    boxes = []
    for _ in range(draw(st.integers(0, 4))):
        box = [0.0] * 4
        for axis, side in enumerate((width, height)):
            first = draw(st.integers(0, (side - 1) * grid))
            box[axis] = first / grid
            box[axis + 2] = draw(st.integers(first + grid, side * grid)) / grid
        boxes.append(box)
    flags = st.lists(st.booleans(), min_size=len(boxes), max_size=len(boxes)).map(tuple)
    return annotated(
        boxes,
        *(draw(st.sampled_from(keys)) for _ in boxes),
        size=(height, width),
        difficult=draw(flags),
        crowd=draw(flags),
    )


KEYS = [c.key for c in ilsvrc_classes()]


@pytest.mark.parametrize("middle", DATASET_FORMATS)
@settings(max_examples=30)
@given(one=images(KEYS, grid=1) | images(KEYS, grid=100))
def test_what_ilsvrc_holds_survives_every_format(
    tmp_path_factory: pytest.TempPathFactory, middle: DatasetFormat, one: ImageAnnotation
) -> None:
    root = tmp_path_factory.mktemp("trip")
    first = written(root / "first", "ilsvrc", [one], ilsvrc_classes())
    assert facts(first[0]) == facts(one)
    between = written(root / "between", middle, list(first), first.classes)
    assert facts(between[0]) == facts(one)
    last = written(root / "last", "ilsvrc", list(between), between.classes)
    assert facts(last[0]) == facts(one)
    texts = [(tree.root / "Annotations/DET/val/a.xml").read_bytes() for tree in (first, last)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("dataset_format", DATASET_FORMATS)
@settings(max_examples=30)
@given(shares=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4))
def test_boxes_of_any_numbers_survive_unless_they_are_thinner_than_a_pixel(
    tmp_path_factory: pytest.TempPathFactory, dataset_format: DatasetFormat, shares: list[float]
) -> None:
    width, height = 512, 512
    x1, x2 = sorted(share * width for share in shares[:2])
    y1, y2 = sorted(share * height for share in shares[2:])
    one = annotated([[x1, y1, x2, y2]], DOG, size=(height, width))
    root = tmp_path_factory.mktemp("trip")
    found = written(root, dataset_format, [one], ilsvrc_classes())[0]
    sides = one.boxes_xyxy[0, 2:] - one.boxes_xyxy[0, :2]
    for axis in (0, 1):
        before, after = one.boxes_xyxy[0, axis::2], found.boxes_xyxy[0, axis::2]
        if dataset_format == "coco" or sides[axis] > 1.0001:
            np.testing.assert_allclose(after, before, rtol=0, atol=1e-9)
        else:
            assert after[1] - after[0] == pytest.approx(max(1, sides[axis]), abs=1e-3)
            assert after[0] - 1e-3 <= before[0] <= before[1] <= after[1] + 1e-3


@pytest.mark.parametrize("dataset_format", ["voc", "coco"])
def test_classes_of_ones_own_survive(tmp_path: Path, dataset_format: DatasetFormat) -> None:
    one = annotated([[0, 0, 9, 9], [1, 1, 9, 9]], SCREW.key, DOG)
    found = written(tmp_path, dataset_format, [one], OWN)
    assert found[0].class_keys == (SCREW.key, DOG)
    assert [c.key for c in found.classes] == [c.key for c in OWN]
    # VOC has names but no numbers, and calls the classes that it has by its own names.
    names = {"voc": ["wood screw", "dog", "nut"], "coco": ["wood screw", "good dog", "nut"]}
    assert [c.name for c in found.classes] == names[dataset_format]


@pytest.mark.parametrize(
    ("dataset_format", "images", "classes"), [("ilsvrc", 0, 2), ("voc", 2, 2), ("coco", 0, 0)]
)
def test_other_numbers_of_images_and_classes_are_counted(
    tmp_path: Path, dataset_format: DatasetFormat, images: int, classes: int
) -> None:
    own = (ObjectClass(7, DOG, "dog"), ObjectClass(9, CAT, "cat"))
    writer = open_writer(tmp_path, "val", dataset_format, own)
    (tmp_path / "p.jpg").touch()
    for name, number in (("a", 1), ("b", 7), ("c", 9)):
        one = annotated([[0, 0, 9, 9]], DOG, image_id=name)
        writer.add(one, number, SourcePicture(tmp_path / "p.jpg", one.image_size, None))
    writer.finish()
    assert (writer.changes["renumbered"], writer.changes["reclassed"]) == (images, classes)


def test_marks_survive_where_the_format_has_them(tmp_path: Path) -> None:
    marks = {"difficult": (True, False), "crowd": (False, True), "areas": (7.25, 50.0)}
    one = annotated([[0, 0, 9, 9], [1, 1, 9, 9]], DOG, CAT, **marks)
    found = {
        name: written(tmp_path / name, name, [one], ilsvrc_classes())[0] for name in DATASET_FORMATS
    }
    assert found["voc"].difficult == (True, False)
    assert (found["coco"].crowd, found["coco"].areas) == ((False, True), (7.25, 50.0))
    assert not any((*found["ilsvrc"].difficult, *found["coco"].difficult, *found["voc"].crowd))


@pytest.mark.parametrize("dataset_format", DATASET_FORMATS)
def test_a_split_without_images_and_an_image_without_objects(
    tmp_path: Path, dataset_format: DatasetFormat
) -> None:
    assert len(written(tmp_path / "none", dataset_format, [], ilsvrc_classes())) == 0
    found = written(tmp_path / "empty", dataset_format, [annotated()], ilsvrc_classes())
    assert facts(found[0]) == facts(annotated())


@pytest.mark.parametrize("dataset_format", DATASET_FORMATS)
def test_names_with_folders_stay(tmp_path: Path, dataset_format: DatasetFormat) -> None:
    one = annotated(image_id="ILSVRC2013_train/n01/n01_1")
    found = written(tmp_path, dataset_format, [one], ilsvrc_classes())
    assert found.image_ids == ("ILSVRC2013_train/n01/n01_1",)
    assert found.image_path(found.image_ids[0]).is_file()


def test_names_of_several_words_become_one_where_lists_have_columns(tmp_path: Path) -> None:
    one = annotated(image_id="my  cat\u2028(1)")
    assert written(tmp_path / "i", "ilsvrc", [one], ilsvrc_classes()).image_ids == ("my_cat_(1)",)
    assert written(tmp_path / "v", "voc", [one], ilsvrc_classes()).image_ids == ("my_cat_(1)",)
    assert written(tmp_path / "c", "coco", [one], OWN).image_ids == (one.image_id,)
    with pytest.raises(DatasetError, match=r"would be called 'my_cat_\(1\)', as another image is"):
        written(tmp_path / "x", "voc", [one, annotated(image_id="my_cat_(1)")], OWN)


def test_numbers_that_a_list_cannot_hold_are_given_anew(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, "val", "ilsvrc", ilsvrc_classes())
    (tmp_path / "p.jpg").touch()
    picture = SourcePicture(tmp_path / "p.jpg", (40, 60), None)
    writer.add(annotated(image_id="a"), 5, picture)
    writer.add(annotated(image_id="b"), 10**9, picture)
    writer.finish()
    assert (tmp_path / "ImageSets/DET/val.txt").read_text() == "a 1\nb 2\n"
    assert writer.changes["renumbered"] == 2


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([ObjectClass(1, "", "a\tb")], r"cannot call a class 'a\\tb'"),
        ([ObjectClass(1, "", "a\ud800")], "cannot call a class"),
        ([ObjectClass(1, "", "x" * 101)], "cannot call a class"),
        ([ObjectClass(1, "", " ")], "cannot call a class ''"),
        ([ObjectClass(1, "", "nut"), ObjectClass(2, "", " nut")], "'nut', or two are called so"),
    ],
)
def test_names_that_voc_cannot_hold_are_refused(
    tmp_path: Path, classes: list[ObjectClass], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        open_writer(tmp_path, "val", "voc", classes)
    assert list(tmp_path.iterdir()) == []


def test_a_split_that_is_there_is_not_touched(tmp_path: Path) -> None:
    for name in DATASET_FORMATS:
        root = tmp_path / name
        written(root, name, [annotated()], voc_classes())
        with pytest.raises(DatasetError, match="the split is there already: choose another"):
            open_writer(root, "val", name, voc_classes())
        open_writer(root, "train", name, voc_classes())


def test_splits_of_one_voc_tree_have_the_same_classes(tmp_path: Path) -> None:
    written(tmp_path / "voc", "voc", [], voc_classes())
    written(tmp_path / "own", "voc", [], OWN)
    for root, classes in ((tmp_path / "voc", OWN), (tmp_path / "own", voc_classes())):
        with pytest.raises(DatasetError, match="but the tree has others: choose another folder"):
            open_writer(root, "train", "voc", classes)
    open_writer(tmp_path / "own", "train", "voc", OWN)


def test_a_split_is_one_word_and_some_class_has_a_place(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"'\.\./val' cannot be the name of a split"):
        open_writer(tmp_path, "../val", "voc", OWN)
    with pytest.raises(DatasetError, match="has a place for none of the 1 classes"):
        open_writer(tmp_path, "val", "ilsvrc", [SCREW])
