"""A corpus of damaged XML files and lists: readers refuse each kind, and the checker finds it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.classes import select_classes
from detector.datasets import (
    DatasetError,
    DatasetFormat,
    IlsvrcDet,
    open_dataset,
)
from detector.datasets.problems import Problem
from detector.datasets.xml.annotation import MAX_BYTES

CAR, DOG = select_classes(["car", "dog"])
ILSVRC_XML = "Annotations/DET/train/a.xml"
ILSVRC_LIST = "ImageSets/DET/train.txt"
ILSVRC_CLASS_LIST = "ImageSets/DET/train_37.txt"
VOC_XML = "Annotations/a.xml"
VOC_LIST = "ImageSets/Main/train.txt"
VOC_CLASS_LIST = "ImageSets/Main/car_train.txt"

Change = Callable[[Path], object]


class Damage(NamedTuple):
    name: str
    change: Change
    message: str  # after the name of the file


def xml(*names: str) -> str:
    objects = "".join(
        f"<object><name>{name}</name><difficult>{i}</difficult><bndbox><xmin>{1 + i}</xmin>"
        f"<ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>"
        for i, name in enumerate(names)
    )
    size = "<size><width>60</width><height>40</height><depth>3</depth></size>"
    return f"<annotation><filename>a</filename>{size}{objects}</annotation>"


def write_ilsvrc(root: Path) -> None:
    write(root / ILSVRC_XML, xml(CAR.wnid, DOG.wnid))
    write(root / ILSVRC_LIST, "a 1\nb 2\n")
    write(root / ILSVRC_CLASS_LIST, "a 1\nb -1\n")
    for name in ("a", "b"):
        write(root / f"Data/DET/train/{name}.JPEG", "")
    write(root / "Annotations/DET/train/b.xml", xml())


def write_voc(root: Path) -> None:
    write(root / VOC_XML, xml("car", "dog"))
    write(root / VOC_LIST, "a\nb\n")
    write(root / VOC_CLASS_LIST, "a  1\nb -1\n")
    write(root / "classes.txt", "car\ndog\n")
    for name in ("a", "b"):
        write(root / f"JPEGImages/{name}.jpg", "")
    write(root / "Annotations/b.xml", xml())


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


WRITERS = {"ilsvrc": write_ilsvrc, "voc": write_voc}


def replaced(old: str, new: str) -> Change:
    def change(path: Path) -> None:
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_text(content.replace(old, new, 1), encoding="utf-8")

    return change


def without(tag: str) -> Change:
    """Take away the first element of a tag."""

    def change(path: Path) -> None:
        kept, times = re.subn(f"<{tag}>.*?</{tag}>", "", path.read_text(), count=1)
        assert times
        path.write_text(kept)

    return change


def content(new: str | bytes) -> Change:
    data = new.encode("utf-8") if isinstance(new, str) else new
    return lambda path: path.write_bytes(data)


def cut(share: float) -> Change:
    return lambda path: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def encoded(encoding: str) -> Change:
    return lambda path: path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)  # reading it would never end


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]>'

XML_DAMAGE = [
    Damage("empty", content(""), "not well-formed XML"),
    Damage("spaces only", content("  \n"), "not well-formed XML"),
    Damage("truncated", cut(0.6), "not well-formed XML"),
    Damage("a picture", content(b"\xff\xd8\xff\xe0JFIF"), "not UTF-8 at byte 0"),
    Damage("nul bytes", content(b"\0" * 100), "not well-formed XML"),
    Damage("UTF-16", encoded("utf-16"), "cannot be read: not UTF-8 at byte 0: save it as"),
    Damage("a web page", content("<html>404</html>"), "must be <annotation>, but is <html>"),
    Damage("JSON", content("{}"), "not well-formed XML"),
    Damage("entity bomb", content(BOMB + "<annotation>&y;</annotation>"), "document type"),
    Damage("unknown entity", replaced("<depth>", "&lol;<depth>"), "undefined entity"),
    Damage(
        "deep nesting",
        content(f"<annotation>{'<a>' * 9000 + '</a>' * 9000}</annotation>"),
        "nested deeper than 32 levels: no annotation is",
    ),
    Damage("huge", content(" " * (MAX_BYTES + 1)), "larger than 1048576 bytes"),
    Damage("a folder", folder, r"cannot be read \(Is a directory\)"),
    Damage("a pipe", pipe, r"cannot be read \(no regular file\)"),
    Damage("a link to itself", loop, "missing, but .*train.txt names the image"),
    Damage("missing", Path.unlink, "missing, but .*train.txt names the image: fetch the file"),
    Damage("no size", without("size"), "<size> is missing in annotation: it must stand there once"),
    Damage("no width", replaced("<width>60</width>", ""), "<width> is missing in <size>"),
    Damage(
        "width twice",
        replaced("<width>", "<width>1</width><width>"),
        "<width> stands there 2 times in <size>: it must stand there once",
    ),
    Damage("zero width", replaced("60", "0"), "<width> of <size> must be a whole number from 1"),
    Damage("negative height", replaced("40", "-40"), "<height> .*, but is -40: write the size"),
    Damage("half a pixel", replaced("60", "60.5"), "<width> of <size> .*, but is 60.5"),
    Damage("endless width", replaced("60", "9" * 400), "<width> of <size> must be a number"),
    Damage("a wrong end", replaced("</size>", "</sice>"), "not well-formed XML .mismatched tag"),
    Damage("no name", without("name"), "<name> is missing in object 1"),
    Damage(
        "name twice",
        replaced("<object>", "<object><name>x</name>"),
        "<name> stands there 2 times in object 1",
    ),
    Damage("no box", without("bndbox"), "<bndbox> is missing in object 1"),
    Damage("box twice", replaced("<bndbox>", "<bndbox/><bndbox>"), "<bndbox> stands there 2"),
    Damage("no corner", replaced("<ymin>2</ymin>", ""), "<ymin> is missing in object 1"),
    Damage("empty corner", replaced("<ymin>2", "<ymin>"), "<ymin> .* must be a number, but is"),
    Damage("NaN", replaced("<ymin>2", "<ymin>nan"), "<ymin> .* must be a number, but is 'nan'"),
    Damage("infinite", replaced("<ymin>2", "<ymin>inf"), "must be a number, but is 'inf'"),
    Damage("hexadecimal", replaced("<ymin>2", "<ymin>0x2"), "a number, but is '0x2'"),
    Damage("decimal comma", replaced("<ymin>2", "<ymin>2,5"), "a number, but is '2,5'"),
    Damage("other digits", replaced("<ymin>2", "<ymin>٢"), "must be a number, but is '٢'"),
    Damage("inverted", replaced("<xmax>30", "<xmax>0"), "xmin of object 1 must not exceed xmax"),
    Damage(
        "outside",
        replaced("<ymin>2</ymin><xmax>30</xmax><ymax>40", "<ymin>50</ymin><xmax>3</xmax><ymax>60"),
        r"the box of object 1, \(1, 50, 3, 60\), lies outside the image of 60 x 40 pixels: correct",
    ),
    Damage("difficult", replaced("<difficult>0", "<difficult>yes"), "must be 0 or 1, but is"),
    Damage(
        "difficult twice",
        replaced("<object>", "<object><difficult>0</difficult>"),
        "<difficult> stands there 2 times in object 1",
    ),
]

ILSVRC_XML_DAMAGE = [
    Damage("a name for a WordNet id", replaced(CAR.wnid, "car"), "must be a WordNet id such as"),
    Damage("a short WordNet id", replaced(CAR.wnid, "n0295834"), "translate the names"),
    Damage("an empty name", replaced(CAR.wnid, ""), "<name> of object 1 must be a WordNet id"),
]

VOC_XML_DAMAGE = [
    Damage("an endless name", replaced("car", "x" * 200), "must be a class such as car"),
    Damage("an empty name", replaced("car", ""), "<name> of object 1 must be a class such as car"),
]

ILSVRC_LIST_DAMAGE = [
    Damage("number twice", content("a 1\nb 1\n"), "line 2: number 1 was given to another image"),
    Damage("negative number", content("a -1\nb 2\n"), "line 1: must be .image_id number., but is"),
    Damage("number in words", content("a one\nb 2\n"), "line 1: must be .image_id number., but"),
    Damage("endless number", content(f"a {'9' * 30}\n"), "line 1: must be .image_id number."),
]

CLASS_LIST_DAMAGE = [
    Damage("unknown label", content("a 2\n"), "line 1: must be .image_id. and 1 or 0 or -1, but"),
    Damage("no label", content("a 1\nb\n"), "line 2: must be .image_id. and 1 or 0 or -1, but"),
    Damage("both", content("a 1\na -1\n"), "line 2: names .a., which was positive before"),
    Damage("a picture", content(b"\x89PNG"), "cannot be read: not UTF-8 at byte 0"),
    Damage("out of the tree", content("../a 1\n"), "line 1: .*leads out of the tree"),
]

CLASSES_DAMAGE = [
    Damage("class twice", content("car\ncar\n"), "line 2: .car. names a class that was named be"),
    Damage("key twice", content("car\nauto\tn02958343\n"), "line 2: .auto.* that was named before"),
    Damage("endless class", content("x" * 200), "line 1: must be a class such as car, but is"),
    Damage("no name", content("\tn02958343"), "line 1: must be a class such as car, but is"),
    Damage("no WordNet id", content("car\tauto"), "line 1: must be a class, or a class, a tab and"),
    Damage("three columns", content("car\tn02958343\tx"), "line 1: must be a class, or a class, a"),
    Damage("a picture", content(b"\x89PNG"), "cannot be read: not UTF-8 at byte 0"),
]

LIST_DAMAGE = [
    Damage("image twice", content("a\na\n"), "line 2: names 'a' again: name each image once"),
    Damage("out of the tree", content("../a\n"), "line 1: '../a' leads out of the tree"),
    Damage("absolute", content("/etc/passwd\n"), "line 1: '/etc/passwd' leads out of the tree"),
    Damage("backslashes", content("..\\a\n"), "leads out of the tree: give the image's name"),
    Damage("a drive", content("C:a\n"), "leads out of the tree"),
    Damage("nul byte", content("a\0b\n"), "leads out of the tree"),
    Damage("endless name", content("a" * 300), "leads out of the tree"),
    Damage("three words", content("a b c\n"), "line 1: must be 'image_id number', but is"),
    Damage("a picture", content(b"\x89PNG\r\n\x1a\n\0\0"), "cannot be read: not UTF-8 at byte 0"),
    Damage("UTF-16", encoded("utf-16"), "cannot be read: not UTF-8"),
    Damage("without annotation", content("a\nc\n"), r"missing, but .*train\.txt names the image"),
]

CORPUS: list[tuple[DatasetFormat, str, Damage]] = [
    (dataset_format, file, damage)
    for dataset_format, file, damages in (
        ("ilsvrc", ILSVRC_XML, [*XML_DAMAGE, *ILSVRC_XML_DAMAGE]),
        ("voc", VOC_XML, [*XML_DAMAGE, *VOC_XML_DAMAGE]),
        ("ilsvrc", ILSVRC_LIST, [*LIST_DAMAGE, *ILSVRC_LIST_DAMAGE]),
        ("voc", VOC_LIST, LIST_DAMAGE),
        ("ilsvrc", ILSVRC_CLASS_LIST, CLASS_LIST_DAMAGE),
        ("voc", VOC_CLASS_LIST, CLASS_LIST_DAMAGE),
        ("voc", "classes.txt", CLASSES_DAMAGE),
    )
    for damage in damages
]


@pytest.mark.parametrize("dataset_format", WRITERS)
def test_what_is_damaged_here_is_whole_before(
    tmp_path: Path,
    dataset_format: DatasetFormat,
    read_all: Callable[[Path, DatasetFormat], int],
    check_all: Callable[[Path, DatasetFormat], list[Problem]],
) -> None:
    WRITERS[dataset_format](tmp_path)
    assert read_all(tmp_path, dataset_format) == 3
    assert check_all(tmp_path, dataset_format) == []


@pytest.mark.parametrize(
    ("dataset_format", "file", "damage"),
    CORPUS,
    ids=[f"{name}-{Path(file).name}-{damage.name}" for name, file, damage in CORPUS],
)
def test_damage_is_refused_by_readers_and_found_by_the_checker(
    tmp_path: Path,
    dataset_format: DatasetFormat,
    file: str,
    damage: Damage,
    message_of_damage: Callable[[Path, DatasetFormat], str],
) -> None:
    WRITERS[dataset_format](tmp_path)
    damage.change(tmp_path / file)
    assert re.search(damage.message, message_of_damage(tmp_path, dataset_format))


def test_a_checker_finds_all_that_is_wrong_with_a_file(
    tmp_path: Path, check_all: Callable[[Path, DatasetFormat], list[Problem]]
) -> None:
    write_ilsvrc(tmp_path)
    path = tmp_path / ILSVRC_XML
    for change in (
        replaced(f"<name>{CAR.wnid}", "<name>car"),
        replaced("<xmin>1", "<xmin>one"),
        replaced("<difficult>1", "<difficult>?"),
        replaced("<xmin>2</xmin><ymin>2</ymin><xmax>30", "<xmin>9</xmin><ymin>2</ymin><xmax>3"),
    ):
        change(path)
    problems = check_all(tmp_path, "ilsvrc")
    assert {problem.path for problem in problems} == {path}
    patterns = [
        "<name> of object 1",
        "<xmin> of object 1",
        "xmin of object 2",
        "<difficult> of obj",
    ]
    assert len(problems) == len(patterns)
    for problem, pattern in zip(problems, patterns, strict=True):
        assert re.search(pattern, problem.what)


def test_a_list_with_wrong_lines_gives_the_others(tmp_path: Path) -> None:
    write_ilsvrc(tmp_path)
    (tmp_path / ILSVRC_LIST).write_text("a 1\n../x 2\na 3\nb 1\nb 5\n")
    problems: list[Problem] = []
    dataset = IlsvrcDet(tmp_path, "train", problems.append)
    assert [problem.line for problem in problems] == [2, 3, 4]
    assert dataset.image_ids == ("a", "b")
    assert dataset.image_numbers == (1, 5)


@pytest.mark.parametrize(("dataset_format", "file"), [("ilsvrc", ILSVRC_XML), ("voc", VOC_LIST)])
def test_unreadable_files_are_named(
    tmp_path: Path,
    dataset_format: DatasetFormat,
    file: str,
    message_of_damage: Callable[[Path, DatasetFormat], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    WRITERS[dataset_format](tmp_path)
    opened = Path.open

    def locked(path: Path, *arguments: str, **options: str) -> object:
        if path == tmp_path / file:  # nothing is unreadable to the superuser, who may run this
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", locked)
    message = message_of_damage(tmp_path, dataset_format)
    assert message == f"{tmp_path / file}: cannot be read (Permission denied): see to the file"


WHOLE = xml("car", "dog").encode()
PIECES = st.binary(max_size=3) | st.sampled_from(
    [b"<object>", b"</bndbox>", b"9", b"-", b".5", b"<name>car</name>", b"<size>", b"&amp;"]
)


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE)), st.integers(0, 30), PIECES)
def test_whatever_is_patched_reader_and_checker_agree(
    tmp_path_factory: pytest.TempPathFactory,
    message_of_damage: Callable[[Path, DatasetFormat], str],
    check_all: Callable[[Path, DatasetFormat], list[Problem]],
    start: int,
    length: int,
    patch: bytes,
) -> None:
    root = tmp_path_factory.getbasetemp() / "patched"
    if not root.exists():
        write_voc(root)
    (root / VOC_XML).write_bytes(WHOLE[:start] + patch + WHOLE[start + length :])
    try:
        annotation = open_dataset(root, "train", "voc")[0]
    except DatasetError:
        message_of_damage(root, "voc")
    else:
        told = [problem.what for problem in check_all(root, "voc")]
        found = [what for what in told if "leaves the image" not in what]  # it is read as it stands
        known = set(annotation.class_keys) <= {CAR.key, DOG.key}
        assert (found == []) == known
