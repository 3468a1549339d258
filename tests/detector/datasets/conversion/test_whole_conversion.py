"""Whole data sets, converted with their pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from detector.classes import ObjectClass
from detector.datasets import DATASET_FORMATS, Dataset, DatasetError, DatasetFormat, open_dataset
from detector.datasets.annotation import ImageAnnotation
from detector.datasets.conversion.convert import Conversion, convert_dataset, open_writer
from detector.datasets.conversion.placing import SourcePicture
from proposals import read_image

DOG = "n02084071"
SCREW = ObjectClass(4, "", "wood screw")
OWN = (SCREW, ObjectClass(9, DOG, "good dog"), ObjectClass(2, "", "nut"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a COCO tree of a JPEG, a PNG and what is wrong in two ways."""
    root = tmp_path / "source"
    cat = Image.fromarray(data.chelsea()).resize((60, 40))
    annotations = [
        ImageAnnotation(
            "jpeg",
            root / "jpeg.jpg",
            (40, 60),
            np.array([[0, 0, 30, 30], [5, 5, 9, 9], [1, 1, 3, 3]], np.float32),
            (DOG, SCREW.key, DOG),
            crowd=(False, False, True),
            areas=(300.0, 16.0, 4.0),
        ),
        dog("in a folder/png", root / "png.png", [5.5, 5.5, 6, 30]),
        dog("small", root / "jpeg.jpg", [0, 0, 3, 3], image_size=(4, 6)),
        dog("cut", root / "cut.jpg", [0, 0, 3, 3]),
    ]
    root.mkdir()
    cat.save(root / "jpeg.jpg")
    cat.save(root / "png.png")
    (root / "cut.jpg").write_bytes((root / "jpeg.jpg").read_bytes()[:700])
    writer = open_writer(root, "val", "coco", OWN)
    for number, one in enumerate(annotations, 1):
        writer.add(one, 10 * number, SourcePicture(one.image_path, one.image_size, None))
    writer.finish()
    return root


def dog(
    image_id: str, path: Path, box: list[float], image_size: tuple[int, int] = (40, 60)
) -> ImageAnnotation:
    return ImageAnnotation(image_id, path, image_size, np.array([box], np.float32), (DOG,))


def convert(
    source: Path, out: Path, target: DatasetFormat, *, copy: bool = False, **options: Any
) -> tuple[Conversion, Dataset]:
    dataset = open_dataset(source, "val", "coco")
    classes = options.pop("classes", dataset.classes)
    writer = open_writer(out, "val", target, classes, copy=copy)
    done: list[int] = []
    result = convert_dataset(dataset, writer, classes, done.append, **options)
    assert done == [1, 2, 3, 4]
    return result, open_dataset(out, "val", target)


def test_a_data_set_is_converted_and_what_is_wrong_is_skipped(source: Path, tmp_path: Path) -> None:
    result, found = convert(source, tmp_path / "out", "ilsvrc")
    assert found.image_ids == ("jpeg", "in_a_folder/png")
    assert found.image_numbers == (10, 20)
    assert (result.images, result.objects) == (2, 3)
    assert dict(result.left_out) == {"wood screw": 1}
    assert dict(result.unmarked) == {"crowd": 1, "areas": 1}
    small, cut = result.skipped
    assert "small.jpg: is 60 x 40 pixels, but its annotation says 6 x 4: fetch" in small
    assert "cut.jpg: damaged or truncated" in cut
    assert found[0].class_keys == (DOG, DOG)


def test_crowds_become_difficult_objects_of_voc(source: Path, tmp_path: Path) -> None:
    result, found = convert(source, tmp_path / "out", "voc")
    assert (result.veiled, dict(result.unmarked)) == (1, {"areas": 1})
    assert found[0].difficult == (False, False, True)
    assert not any(found[0].crowd)
    for other in ("ilsvrc", "coco"):
        result, _ = convert(source, tmp_path / other, other)
        assert result.veiled == 0


def test_a_jpeg_is_linked_and_another_picture_encoded(source: Path, tmp_path: Path) -> None:
    _, found = convert(source, tmp_path / "out", "voc")
    original = source / "val/jpeg.jpg"
    assert found.image_path("jpeg").samefile(original)
    encoded = found.image_path("in_a_folder/png")
    with Image.open(encoded) as picture:
        assert picture.format == "JPEG"
    difference = read_image(encoded).astype(int) - read_image(source / "png.png")
    assert np.abs(difference).mean() < 4
    _, copied = convert(source, tmp_path / "copied", "voc", copy=True)
    assert not copied.image_path("jpeg").samefile(original)
    assert copied.image_path("jpeg").read_bytes() == original.read_bytes()


def test_coco_holds_pictures_of_any_kind(source: Path, tmp_path: Path) -> None:
    result, found = convert(source, tmp_path / "out", "coco")
    assert found.image_path("in a folder/png").samefile(source / "val/in a folder/png.png")
    assert not result.left_out
    assert not result.unmarked
    assert found[0].areas == (300.0, 16.0, 4.0)


def test_what_is_not_asked_for_is_neither_written_nor_counted(source: Path, tmp_path: Path) -> None:
    result, found = convert(source, tmp_path / "out", "voc", classes=OWN[1:2], leave_out=["crowd"])
    assert [one.class_keys for one in found] == [(DOG,), (DOG,)]
    assert not result.left_out
    assert dict(result.unmarked) == {"areas": 1}


def test_symbolic_links_are_followed(source: Path, tmp_path: Path) -> None:
    picture = source / "val/jpeg.jpg"
    picture.unlink()
    picture.symlink_to("../jpeg.jpg")
    _, found = convert(source, tmp_path / "out", "voc")
    linked = found.image_path("jpeg")
    assert not linked.is_symlink()
    assert linked.samefile(source / "jpeg.jpg")


def test_where_links_cannot_be_made_pictures_are_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    _, found = convert(source, tmp_path / "out", "voc")
    assert found.image_path("jpeg").read_bytes() == (source / "jpeg.jpg").read_bytes()


@pytest.mark.parametrize("target", DATASET_FORMATS)
def test_a_conversion_that_was_cut_off_goes_on(
    source: Path, tmp_path: Path, target: DatasetFormat
) -> None:
    class Stopped(BaseException):
        pass

    def stop(_done: int) -> None:
        raise Stopped

    out = tmp_path / "out"
    dataset = open_dataset(source, "val", "coco")
    writer = open_writer(out, "val", target, dataset.classes)
    with pytest.raises(Stopped):
        convert_dataset(dataset, writer, dataset.classes, stop)
    assert not writer.list_path.exists()
    with pytest.raises(DatasetError):
        open_dataset(out, "val", target)
    again, _ = convert(source, out, target)
    direct, _ = convert(source, tmp_path / "direct", target)
    assert again == direct
    assert contents(out) == contents(tmp_path / "direct")


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["JPEGImages/jpeg.jpg", "Annotations/jpeg.xml"])
def test_a_file_that_holds_something_else_is_not_overwritten(
    source: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(DatasetError, match="is there already and holds something else"):
        convert(source, tmp_path / "out", "voc")
    assert path.read_text() == "mine"
    assert not (tmp_path / "out/ImageSets").exists()


def test_a_data_set_of_which_nothing_can_be_read_makes_no_split(
    source: Path, tmp_path: Path
) -> None:
    for path in (source / "val").rglob("*.*g"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"no image could be read; the first: .*jpeg\.jpg"):
        convert(source, tmp_path / "out", "voc")
    assert not (tmp_path / "out").exists()
