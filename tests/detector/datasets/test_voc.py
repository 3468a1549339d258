from __future__ import annotations

from pathlib import Path

import pytest

from detector.classes import ObjectClass, voc_classes
from detector.datasets import ClassList, DatasetError, PascalVoc

CAR = next(c for c in voc_classes() if c.name == "car")


def an_object(name: str, *box: object, rest: str = "") -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners)
    return f"<object><name>{name}</name>{rest}<bndbox>{inside}</bndbox></object>"


def xml(*objects: str) -> str:
    size = "<size><width>60</width><height>40</height><depth>3</depth></size>"
    return f"<annotation><folder>VOC2007</folder>{size}{''.join(objects)}</annotation>"


def tree(root: Path, lists: dict[str, str], **annotations: str) -> Path:
    for folder in ("ImageSets/Main", "Annotations", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    for name, content in lists.items():
        (root / f"ImageSets/Main/{name}.txt").write_text(content, encoding="utf-8")
    for name, content in annotations.items():
        (root / f"Annotations/{name}.xml").write_text(content, encoding="utf-8")
    return root


def test_an_empty_list_is_an_empty_data_set(tmp_path: Path) -> None:
    dataset = PascalVoc(tree(tmp_path, {"train": ""}), "train")
    assert list(dataset) == []
    assert dataset.classes == voc_classes()


def test_pixels_are_counted_from_1_and_the_last_belongs_to_the_box(tmp_path: Path) -> None:
    content = xml(an_object("car", 1, 1, 60, 40), an_object("bottle", 8, 10, 8, 10))
    annotation = PascalVoc(tree(tmp_path, {"train": "a\n"}, a=content), "train")[0]
    assert annotation.boxes_xyxy.tolist() == [[0, 0, 60, 40], [7, 9, 8, 10]]
    assert annotation.class_keys == (CAR.wnid, "bottle")
    assert annotation.image_size == (40, 60)
    assert annotation.image_path == tmp_path / "JPEGImages/a.jpg"
    assert annotation.areas == (2400, 1)


@pytest.mark.parametrize(
    ("box", "read"),
    [
        ((0, 0, 60, 40), [-1, -1, 60, 40]),  # counted from 0, as some write it
        ((-5, 3, 70, 50), [-6, 2, 70, 50]),
        ((45.70000076293945, 1, 50, 40), [45 - 0.3, 0, 50, 40]),  # fractions of any length
    ],
)
def test_boxes_that_leave_their_image_stay_as_they_stand(
    tmp_path: Path, box: tuple[float, ...], read: list[float]
) -> None:
    dataset = PascalVoc(tree(tmp_path, {"t": "a"}, a=xml(an_object("car", *box))), "t")
    assert dataset[0].boxes_xyxy[0].tolist() == pytest.approx(read)


def test_difficult_objects_are_marked_and_parts_are_no_objects(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>2</xmin></bndbox></part>"
    content = xml(
        an_object("person", 1, 1, 9, 9, rest=f"<difficult>1</difficult>{part}"),
        an_object("person", 1, 1, 9, 8, rest="<pose>Left</pose><difficult>0</difficult>"),
        an_object("person", 1, 1, 9, 7),
    )
    annotation = PascalVoc(tree(tmp_path, {"t": "a"}, a=content), "t")[0]
    assert annotation.difficult == (True, False, False)
    assert annotation.crowd == (False, False, False)


def test_images_are_numbered_by_their_lines(tmp_path: Path) -> None:
    dataset = PascalVoc(tree(tmp_path, {"t": "000005\n\n2008_000002\n"}), "t")
    assert dataset.image_ids == ("000005", "2008_000002")
    assert dataset.image_numbers == (1, 3)


def test_lists_of_classes_tell_who_holds_them(tmp_path: Path) -> None:
    lists = {"t": "a\nb\nc\n", "car_t": "a  1\nb -1\nc  0\n"}
    dataset = PascalVoc(tree(tmp_path, lists), "t")
    assert dataset.class_list(CAR) == ClassList(("a",), ("c",), ("b",))
    assert [c.name for c, _ in dataset.class_lists()] == ["car"]
    with pytest.raises(DatasetError, match="holds no list of 'dog' in 't': fetch the lists"):
        dataset.class_list(ObjectClass(12, "n02084071", "dog"))
    with pytest.raises(DatasetError, match="lists for images of one class"):
        PascalVoc(tmp_path, "car_t")


def test_a_tree_may_have_classes_of_its_own(tmp_path: Path) -> None:
    tree(tmp_path, {"t": "a"}, a=xml(an_object("wood screw", 1, 1, 9, 9)))
    (tmp_path / "classes.txt").write_text("wood screw\n\ncar\nhound\tn02084071\n")
    dataset = PascalVoc(tmp_path, "t")
    assert dataset.classes == (
        ObjectClass(1, "", "wood screw"),
        ObjectClass(2, CAR.wnid, "car"),
        ObjectClass(3, "n02084071", "hound"),
    )
    assert dataset[0].class_keys == ("wood screw",)


def test_names_that_are_none_of_the_classes_stay(tmp_path: Path) -> None:
    dataset = PascalVoc(tree(tmp_path, {"t": "a"}, a=xml(an_object("screw", 1, 1, 9, 9))), "t")
    assert dataset[0].class_keys == ("screw",)


def test_a_missing_root_split_or_folder_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"Main: no such folder: give .* VOCdevkit/VOC2007"):
        PascalVoc(tmp_path, "t")
    tree(tmp_path, {"t": "a\n", "val": "", "car_t": "a 1\n"})
    with pytest.raises(
        DatasetError, match=r"trian\.txt: no such list; .*Main holds t, val: choose"
    ):
        PascalVoc(tmp_path, "trian")
    (tmp_path / "JPEGImages").rmdir()
    with pytest.raises(DatasetError, match=r"JPEGImages: no such folder; .* holds Annotations, Im"):
        PascalVoc(tmp_path, "t")


def test_without_annotations_there_are_pictures_to_detect_on(tmp_path: Path) -> None:
    tree(tmp_path, {"test": "a\n"})
    (tmp_path / "Annotations").rmdir()
    dataset = PascalVoc(tmp_path, "test")
    assert not dataset.labelled
    assert dataset.image_path("a") == tmp_path / "JPEGImages/a.jpg"
    with pytest.raises(DatasetError, match="the split 'test' has pictures only: detect on it"):
        dataset[0]
