from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detector.classes import ilsvrc_classes
from detector.datasets import ClassList, DatasetError, IlsvrcDet
from detector.datasets.xml.annotation import ILSVRC_RULES, MAX_BYTES, read_xml

CAR, DOG = "n02958343", "n02084071"


def xml(*objects: str, width: object = 60, height: object = 40) -> str:
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation><folder>val</folder>{size}{''.join(objects)}</annotation>"


def an_object(*box: object, wnid: str = CAR) -> str:
    corners = zip(("xmin", "xmax", "ymin", "ymax"), box, strict=True)
    inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners)
    return f"<object><name>{wnid}</name><bndbox>{inside}</bndbox></object>"


def tree(root: Path, image_list: str, **annotations: str) -> Path:
    for folder in ("ImageSets/DET", "Annotations/DET/val", "Data/DET/val"):
        (root / folder).mkdir(parents=True)
    (root / "ImageSets/DET/val.txt").write_text(image_list, encoding="utf-8")
    for name, content in annotations.items():
        (root / f"Annotations/DET/val/{name}.xml").write_text(content, encoding="utf-8")
    return root


def test_an_empty_list_is_an_empty_data_set(tmp_path: Path) -> None:
    dataset = IlsvrcDet(tree(tmp_path, ""), "val")
    assert len(dataset) == 0
    assert list(dataset) == []


def test_an_image_without_objects_has_no_boxes(tmp_path: Path) -> None:
    annotation = IlsvrcDet(tree(tmp_path, "a 1\n", a=xml()), "val")[0]
    assert annotation.boxes_xyxy.shape == (0, 4)
    assert annotation.class_keys == ()
    assert annotation.image_size == (40, 60)


def test_inclusive_pixels_become_exclusive_edges(tmp_path: Path) -> None:
    content = xml(an_object(0, 59, 0, 39), an_object(7, 7, 9, 9, wnid=DOG))
    annotation = IlsvrcDet(tree(tmp_path, "a 1", a=content), "val")[0]
    assert annotation.boxes_xyxy.tolist() == [[0, 0, 60, 40], [7, 9, 8, 10]]
    assert annotation.class_keys == (CAR, DOG)
    assert annotation.image_path == tmp_path / "Data/DET/val/a.JPEG"


@pytest.mark.parametrize(
    ("box", "read"),
    [
        ((0, 60, 0, 40), [0, 0, 61, 41]),
        ((-5, 3, -9, 2), [-5, -9, 4, 3]),
        ((50, 9999, 30, 999), [50, 30, 10000, 1000]),
    ],
)
def test_a_box_that_leaves_the_image_stays_as_it_stands(
    tmp_path: Path, box: tuple[int, ...], read: list[int]
) -> None:
    (tmp_path / "a.xml").write_text(xml(an_object(*box)))
    assert read_xml(tmp_path / "a.xml", ILSVRC_RULES).boxes_xyxy.tolist() == [read]


def test_names_may_hold_folders(tmp_path: Path) -> None:
    tree(tmp_path, "ILSVRC2013_train/n01/n01_1 8\n")
    path = tmp_path / "Annotations/DET/val/ILSVRC2013_train/n01/n01_1.xml"
    path.parent.mkdir(parents=True)
    path.write_text(xml(an_object(1, 2, 3, 4)))
    annotation = IlsvrcDet(tmp_path, "val")[0]
    assert annotation.image_id == "ILSVRC2013_train/n01/n01_1"
    assert annotation.image_path == tmp_path / "Data/DET/val/ILSVRC2013_train/n01/n01_1.JPEG"


def test_a_line_without_a_number_has_its_line_number(tmp_path: Path) -> None:
    dataset = IlsvrcDet(tree(tmp_path, "a\n\nb\nc 7\n"), "val")
    assert dataset.image_ids == ("a", "b", "c")
    assert dataset.image_numbers == (1, 3, 7)
    assert dataset.number_of("c") == 7


def test_it_is_a_sequence_that_reads_an_annotation_when_asked(tmp_path: Path) -> None:
    dataset = IlsvrcDet(tree(tmp_path, "a 1\nmissing 2\nc 3\n", a=xml(), c=xml()), "val")
    assert [item.image_id for item in dataset[::2]] == ["a", "c"]
    assert dataset[-1].image_id == "c"
    with pytest.raises(IndexError):
        dataset[3]
    with pytest.raises(DatasetError, match=r"missing\.xml: missing, but .*val\.txt names"):
        dataset[1]
    with pytest.raises(DatasetError, match="names no image 'd'"):
        dataset.number_of("d")


@pytest.mark.parametrize(
    ("image_list", "message"),
    [
        ("a 1\na 2\n", r"val\.txt, line 2: names 'a' again"),
        ("a 1\nb 1\n", "line 2: number 1 was given to another image on line 1"),
        ("a 1\nb -1\n", "line 2: must be 'image_id number', but is 'b -1'"),
        ("a b c\n", "line 1: must be 'image_id number'"),
        ("../../secret 1\n", "leads out of the tree"),
        ("/etc/secret 1\n", "leads out of the tree"),
    ],
)
def test_a_damaged_list_is_refused_with_its_line(
    tmp_path: Path, image_list: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        IlsvrcDet(tree(tmp_path, image_list), "val")


def test_a_list_that_is_not_text_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, "")
    (tmp_path / "ImageSets/DET/val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"val\.txt: cannot be read"):
        IlsvrcDet(tmp_path, "val")


def test_a_missing_root_split_or_branch_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"ImageSets.DET: no such folder: give the root"):
        IlsvrcDet(tmp_path, "val")
    tree(tmp_path, "a 1\n")
    with pytest.raises(DatasetError, match=r"vaal\.txt: no such list; .* holds val"):
        IlsvrcDet(tmp_path, "vaal")
    with pytest.raises(DatasetError, match="no such list"):
        IlsvrcDet(tmp_path, "../DET/val")
    (tmp_path / "ImageSets/DET/test.txt").write_text("t 1\n")
    with pytest.raises(DatasetError, match=r"Annotations.DET.test: no such folder; .* holds val"):
        IlsvrcDet(tmp_path, "test")


BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]>'
MISSING = xml(an_object(1, 2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not well-formed XML"),
        ("<annotation><size>", "not well-formed XML"),
        ("<annotation>" * 9000, "not well-formed XML"),
        ("<annotation>\0</annotation>", "not well-formed XML"),
        ("<annotation>&unknown;</annotation>", "not well-formed XML"),
        (BOMB + "<annotation>&y;</annotation>", "declares a document type"),
        ('<!DOCTYPE a SYSTEM "http://x.invalid/a.dtd">' + xml(), "declares a document type"),
        ("<html></html>", "must be <annotation>, but is <html>"),
        ("<annotation></annotation>", "<size> is missing in annotation"),
        (xml(width=""), "<width> of <size> must be a number, but is ''"),
        (xml(width=0), "<width> of <size> must be a whole number from 1 to 65535, but is 0"),
        (xml(height="99999"), "<height> of <size> must be a whole number"),
        (xml(height="40.5"), "<height> of <size> must be a whole number"),
        (MISSING.replace("<xmax>2</xmax>", ""), "<xmax> is missing in object 1"),
        (MISSING.replace("<xmax>2", "<xmax>2</xmax><xmax>2"), "<xmax> stands there 2 times"),
        (MISSING.replace("bndbox", "box"), "<bndbox> is missing in object 1"),
        (MISSING.replace("name", "title"), "<name> is missing in object 1"),
        (xml(an_object("a", 2, 3, 4)), "<xmin> of object 1 must be a number, but is 'a'"),
        (xml(an_object("nan", 2, 3, 4)), "must be a number, but is 'nan'"),
        (xml(an_object("1_0", 22, 3, 4)), "must be a number, but is '1_0'"),
        (xml(an_object("9" * 500, 22, 3, 4)), "<xmin> of object 1 must be a number"),
        (xml(an_object(5, 2, 3, 4)), "xmin of object 1 must not exceed xmax, but 5 > 2"),
        (xml(an_object(1, 2, 3, 4), an_object(1, 2, 5, 4)), "ymin of object 2 must not exceed"),
        (xml(an_object(60, 70, 3, 4)), r"object 1, \(60, 3, 70, 4\), lies outside the image"),
        (xml(an_object(1, 2, -3, -1)), "lies outside the image of 60 x 40 pixels"),
        (xml(an_object(1, 2, 3, 4, wnid="car")), "must be a WordNet id .* but is 'car'"),
    ],
)
def test_a_damaged_annotation_is_refused_with_its_name(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "a.xml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=message) as caught:
        read_xml(path, ILSVRC_RULES)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (xml().encode("utf-16"), "not UTF-8"),
        (b"<annotation>\xff</annotation>", "not UTF-8 at byte 12"),
        (b" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_bytes_that_are_no_annotation_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_xml(tmp_path / "a.xml", ILSVRC_RULES)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_xml(tmp_path, ILSVRC_RULES)


def test_a_byte_order_mark_and_an_encoding_header_are_harmless(tmp_path: Path) -> None:
    header = '\ufeff<?xml version="1.0" encoding="iso-8859-1"?>'
    (tmp_path / "a.xml").write_text(header + xml(an_object(1, 2, 3, 4)), encoding="utf-8")
    assert read_xml(tmp_path / "a.xml", ILSVRC_RULES).names == (CAR,)


WHOLE = xml(an_object(1, 2, 3, 4), an_object(5, 59, 6, 39, wnid=DOG)).encode()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 12), st.binary(max_size=4))
def test_damage_of_any_kind_is_refused_as_such_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, patch: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.xml"
    path.write_bytes(WHOLE[:start] + patch + WHOLE[start + length :])
    with contextlib.suppress(DatasetError):
        content = read_xml(path, ILSVRC_RULES)
        assert content.boxes_xyxy.shape == (len(content.names), 4)


GOLDFISH = "n01443537"
FISH_1 = f"ILSVRC2013_train/{GOLDFISH}/{GOLDFISH}_10007"
NEW_1 = "ILSVRC2014_train_0000/ILSVRC2014_train_00000001"
EXTRA_1 = "ILSVRC2013_train_extra0/ILSVRC2013_train_00000001"
CLASS_1, CLASS_2 = ilsvrc_classes()[:2]


def training_tree(root: Path, **lists: str) -> Path:
    """Make a tree as published: two annotated images, one that was fetched to be negative."""
    (root / "ImageSets/DET").mkdir(parents=True)
    for name, content in lists.items():
        (root / f"ImageSets/DET/{name}.txt").write_text(content)
    for name in (FISH_1, NEW_1, EXTRA_1):
        path = root / f"Data/DET/train/{name}.JPEG"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (60, 40)).save(path)
    for name in (FISH_1, NEW_1):
        path = root / f"Annotations/DET/train/{name}.xml"
        path.parent.mkdir(parents=True)
        path.write_text(xml(an_object(1, 2, 3, 4, wnid=GOLDFISH)))
    return root


ALL = f"{FISH_1} 1\n{NEW_1} 2\n{EXTRA_1} 3\n"


def test_training_images_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    lists = {"train": ALL, "train_1": f"{FISH_1} -1\n{EXTRA_1} -1\n", "train_2": f"{NEW_1} 1\n"}
    dataset = IlsvrcDet(training_tree(tmp_path, **lists), "train")
    first, second, third = dataset
    assert first.image_id == FISH_1
    assert first.class_keys == second.class_keys == (GOLDFISH,)
    assert third.image_path == tmp_path / f"Data/DET/train/{EXTRA_1}.JPEG"
    assert third.image_path.is_file()
    # Negative, and without annotation: an image without objects.
    assert (len(third), third.image_size) == (0, (40, 60))


@pytest.mark.parametrize(
    "lists",
    [
        {"train_1": f"{FISH_1} 1\n{NEW_1} 0\n{EXTRA_1} -1\n", "train_2": f"{NEW_1} 1\n"},
        {
            "train_pos_1": f"{FISH_1}\n",
            "train_part_1": f"{NEW_1} 0\n",
            "train_neg_1": f"{EXTRA_1} -1\n",
            "train_pos_2": f"{NEW_1} 1\n",
        },
    ],
)
def test_lists_of_classes_are_read_in_both_forms(tmp_path: Path, lists: dict[str, str]) -> None:
    training_tree(tmp_path, train=ALL, **lists)
    dataset = IlsvrcDet(tmp_path, "train")
    assert dataset.class_list(CLASS_1) == ClassList((FISH_1,), (NEW_1,), (EXTRA_1,))
    assert dataset.class_list(CLASS_2) == ClassList((NEW_1,), (), ())
    assert [c for c, _ in dataset.class_lists()] == [CLASS_1, CLASS_2]
    assert len(dataset[2]) == 0
    (tmp_path / "ImageSets/DET/train.txt").unlink()
    every = IlsvrcDet(tmp_path, "train")
    assert sorted(every.image_ids) == sorted([FISH_1, NEW_1, EXTRA_1])
    assert every.image_numbers == (1, 2, 3)
    assert len(list(every)) == 3


def test_an_image_that_holds_something_must_have_an_annotation(tmp_path: Path) -> None:
    lists = {"train_1": f"{EXTRA_1} -1\n", "train_2": f"{EXTRA_1} 0\n"}
    dataset = IlsvrcDet(training_tree(tmp_path, train=ALL, **lists), "train")
    with pytest.raises(DatasetError, match=r"_00000001\.xml: missing, but .*train\.txt names"):
        dataset[2]


def test_a_negative_image_must_be_there_to_have_a_size(tmp_path: Path) -> None:
    training_tree(tmp_path, train=ALL, train_1=f"{EXTRA_1} -1\n")
    path = tmp_path / f"Data/DET/train/{EXTRA_1}.JPEG"
    path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"\.JPEG: the file is empty"):
        IlsvrcDet(tmp_path, "train")[2]


def test_a_class_without_list_is_named(tmp_path: Path) -> None:
    dataset = IlsvrcDet(training_tree(tmp_path, train=ALL), "train")
    with pytest.raises(DatasetError, match="holds no list of 'accordion' in 'train'"):
        dataset.class_list(CLASS_1)


def test_the_lists_of_classes_are_no_splits(tmp_path: Path) -> None:
    training_tree(tmp_path, train=ALL, train_1=f"{EXTRA_1} -1\n", train_pos_2="")
    with pytest.raises(DatasetError, match=r"DET holds train: choose"):
        IlsvrcDet(tmp_path, "trian")


@pytest.mark.parametrize("half", ["val1", "val2", "val_small"])
def test_parts_of_a_split_lie_in_its_folders(tmp_path: Path, half: str) -> None:
    tree(tmp_path, "a 1\nb 2\n", a=xml(), b=xml(an_object(1, 2, 3, 4)))
    (tmp_path / f"ImageSets/DET/{half}.txt").write_text("b 2\n")
    dataset = IlsvrcDet(tmp_path, half)
    assert (dataset.image_ids, dataset.image_numbers) == (("b",), (2,))
    assert dataset[0].class_keys == (CAR,)
    assert dataset[0].image_path == tmp_path / "Data/DET/val/b.JPEG"


def test_without_annotations_there_are_pictures_to_detect_on(tmp_path: Path) -> None:
    tree(tmp_path, "a 1\n", a=xml())
    (tmp_path / "ImageSets/DET/test.txt").write_text("t 1\n")
    (tmp_path / "Data/DET/test").mkdir()
    dataset = IlsvrcDet(tmp_path, "test")
    assert not dataset.labelled
    assert [dataset.image_path(image_id) for image_id in dataset.image_ids] == [
        tmp_path / "Data/DET/test/t.JPEG"
    ]
    with pytest.raises(DatasetError, match=r"test.t\.xml: the split 'test' has pictures only"):
        dataset[0]
