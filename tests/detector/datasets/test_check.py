from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.datasets import DatasetFormat, open_dataset
from detector.datasets.check import Contents, check_dataset, classes_without_objects
from detector.datasets.problems import Problem

CAR, DOG, STRANGE = "n02958343", "n02084071", "n99999999"
SIZE = (60, 40)  # width and height


def xml(*objects: tuple[str, tuple[int, int, int, int]], size: tuple[int, int] = SIZE) -> str:
    parts = [
        f"<object><name>{name}</name><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>"
        f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for name, box in objects
    ]
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<annotation>{sides}{''.join(parts)}</annotation>"


def ilsvrc(root: Path, **annotations: str) -> Path:
    for folder in ("ImageSets/DET", "Annotations/DET/val", "Data/DET/val"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "ImageSets/DET/val.txt").write_text("\n".join(annotations))
    for name, content in annotations.items():
        (root / f"Annotations/DET/val/{name}.xml").write_text(content)
        save(root / f"Data/DET/val/{name}.JPEG")
    return root


def save(path: Path, size: tuple[int, int] = SIZE, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format="JPEG", exif=exif)


def check(
    root: Path, dataset_format: DatasetFormat = "ilsvrc", *, pictures: bool = True
) -> tuple[list[str], list[str], Contents]:
    problems: list[Problem] = []
    dataset = open_dataset(root, "val", dataset_format, problems.append)
    done: list[int] = []
    contents = check_dataset(dataset, problems.append, pictures=pictures, advance_to=done.append)
    assert done == ([len(dataset)] if len(dataset) else [])
    strip = str(root)
    return (
        [str(problem).replace(strip, "R") for problem in problems],
        [str(note).replace(strip, "R") for note in contents.notes],
        contents,
    )


def test_an_empty_data_set_has_no_problems(tmp_path: Path) -> None:
    problems, notes, contents = check(ilsvrc(tmp_path))
    assert problems == []
    assert notes == [
        (
            "R/ImageSets/DET/val.txt: holds no object of 200 of 200 classes"
            " (accordion, airplane, ant, antelope, apple, ...)"
        )
    ]
    assert (contents.images, contents.annotated) == (0, 0)


def test_contents_are_counted(tmp_path: Path) -> None:
    box = (1, 2, 30, 20)
    a = xml((CAR, box), (CAR, (1, 2, 3, 4)), (DOG, box))
    problems, _, contents = check(ilsvrc(tmp_path, a=a, b=xml((CAR, box)), c=xml()))
    assert problems == []
    assert (contents.images, contents.annotated) == (3, 3)
    assert contents.objects_of == {CAR: 3, DOG: 1}
    assert contents.images_of == {CAR: 2, DOG: 1}
    dataset = open_dataset(tmp_path, "val", "ilsvrc")
    assert len(classes_without_objects(dataset.classes, contents)) == 198


def test_files_that_are_missing_are_problems(tmp_path: Path) -> None:
    ilsvrc(tmp_path, a=xml(), b=xml())
    (tmp_path / "Annotations/DET/val/a.xml").unlink()
    (tmp_path / "Data/DET/val/b.JPEG").unlink()
    problems, _, contents = check(tmp_path, pictures=False)
    assert problems == [
        (
            "R/Annotations/DET/val/a.xml: missing, but R/ImageSets/DET/val.txt names the image:"
            " fetch the file, or take the line off the list"
        ),
        (
            "R/Data/DET/val/b.JPEG: missing, but R/ImageSets/DET/val.txt names the image:"
            " fetch the picture, or take the image off the list"
        ),
    ]
    assert contents.annotated == 1


def test_classes_of_no_data_set_and_doubles_are_problems(tmp_path: Path) -> None:
    box = (1, 2, 30, 20)
    a = xml((CAR, box), (DOG, box), (CAR, box))
    b = xml((STRANGE, box), (STRANGE, (1, 2, 3, 4)))
    problems, _, _ = check(ilsvrc(tmp_path, a=a, b=b, c=b))
    assert problems == [
        (
            f"R/Annotations/DET/val/a.xml: image 'a' has 2 objects of class {CAR} with the box"
            " (1, 2, 31, 21): keep one"
        ),
        (
            f"R/Annotations/DET/val/b.xml: class '{STRANGE}' is none of the data set's: 4 objects"
            " in 2 images, this the first: correct the name, or leave them out of training"
        ),
    ]


def test_boxes_that_leave_their_image_by_more_than_a_pixel_are_problems(tmp_path: Path) -> None:
    inside, by_one = (0, 0, 59, 39), (-1, -1, 60, 40)
    a = xml((CAR, inside), (CAR, by_one), (DOG, (5, 5, 9999, 20)), (DOG, (5, -3, 9, 9)))
    problems, _, contents = check(ilsvrc(tmp_path, a=a))
    assert problems == [
        (
            f"R/Annotations/DET/val/a.xml: image 'a': the box ({corners}) of class {DOG} leaves"
            f" the image of 60 x 40 pixels by {beyond}: correct the box or the size"
        )
        for corners, beyond in (("5, 5, 10000, 21", 9940), ("5, -3, 10, 10", 3))
    ]
    assert contents.objects_of == {CAR: 2, DOG: 2}


def test_files_that_no_list_names_are_noted(tmp_path: Path) -> None:
    ilsvrc(tmp_path, a=xml())
    (tmp_path / "ImageSets/DET/val1.txt").write_text("b 2\n")
    for name in ("b", "c", "d"):
        (tmp_path / f"Annotations/DET/val/{name}.xml").write_text("never read")
    problems, notes, _ = check(tmp_path)
    assert problems == []
    assert notes[1:] == [
        "R/Annotations/DET/val: 2 files here belong to no image that is listed (c.xml, d.xml)"
    ]


@pytest.mark.parametrize("pictures", [False, True])
def test_pictures_are_decoded_when_asked(tmp_path: Path, pictures: bool) -> None:
    ilsvrc(tmp_path, cut=xml(), empty=xml(), other=xml(), text=xml())
    folder = tmp_path / "Data/DET/val"
    (folder / "cut.JPEG").write_bytes((folder / "cut.JPEG").read_bytes()[:-300])
    (folder / "empty.JPEG").write_bytes(b"")
    (folder / "text.JPEG").write_text("not a picture")
    save(folder / "other.JPEG", (61, 40))
    problems, _, _ = check(tmp_path, pictures=pictures)
    expected = [
        "R/Data/DET/val/cut.JPEG: damaged or truncated",
        "R/Data/DET/val/empty.JPEG: the file is empty; fetch or export it again",
        "R/Data/DET/val/other.JPEG: is 61 x 40 pixels, but its annotation says 60 x 40: find",
        "R/Data/DET/val/text.JPEG: not a picture, or of none of the formats",
    ]
    assert len(problems) == (len(expected) if pictures else 0)
    for problem, start in zip(problems, expected, strict=False):
        assert problem.startswith(start)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("upright", [False, True])
def test_pictures_that_exif_turns_are_found(
    tmp_path: Path, orientation: int, upright: bool
) -> None:
    turned = orientation >= 5
    stated = (40, 60) if turned and upright else (60, 40)
    ilsvrc(tmp_path, a=xml(size=stated))
    save(tmp_path / "Data/DET/val/a.JPEG", orientation=orientation)
    problems, notes, _ = check(tmp_path)
    if turned and not upright:
        assert problems == [
            (
                "R/Data/DET/val/a.JPEG: is 40 x 60 pixels when EXIF has turned it upright, but"
                " its annotation says 60 x 40: turn the boxes, or take the orientation out of the"
                " picture"
            )
        ]
    else:
        assert problems == []
        assert any("EXIF orientation" in note for note in notes) == (orientation != 1)


def test_coco_is_checked_by_the_same_rules(tmp_path: Path) -> None:
    objects = [
        {"id": i, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": int(i == 2)}
        for i in range(3)
    ]
    document = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": 41, "width": 60}],
        "categories": [{"id": 3, "name": "car"}, {"id": 4, "name": "screw"}],
        "annotations": [*objects, {"id": 9, "image_id": 8, "category_id": 3, "bbox": None}],
    }
    path = tmp_path / "annotations/instances_val.json"
    path.parent.mkdir()
    path.write_text(json.dumps(document))
    save(tmp_path / "val/a.jpg")
    save(tmp_path / "val/deep/b.jpg")
    problems, notes, contents = check(tmp_path, "coco")
    assert problems == [
        (
            'R/annotations/instances_val.json: "image_id" of annotations[3] is 8, which is no image'
            " of the file that can be used: correct it"
        ),
        (
            'R/annotations/instances_val.json: "bbox" of annotations[3] must be four numbers'
            " [x, y, width, height], but is None: correct it"
        ),
        (
            "R/annotations/instances_val.json: image 'a' has 3 objects of class n02958343 with the"
            " box (1, 2, 4, 6): keep one"
        ),
        (
            "R/val/a.jpg: is 60 x 40 pixels, but its annotation says 60 x 41: find the right"
            " picture, or correct the size"
        ),
    ]
    assert notes == [
        "R/annotations/instances_val.json: holds no object of 1 of 2 classes (screw)",
        "R/val/deep: 1 files here belong to no image that is listed (b.jpg)",
    ]
    assert (contents.crowd, contents.difficult) == (1, 0)


def test_without_annotations_the_pictures_are_checked(tmp_path: Path) -> None:
    ilsvrc(tmp_path, a=xml(), b=xml())
    for path in (tmp_path / "Annotations/DET/val").iterdir():
        path.unlink()
    (tmp_path / "Annotations/DET/val").rmdir()
    (tmp_path / "Data/DET/val/b.JPEG").write_text("not a picture")
    problems, notes, contents = check(tmp_path)
    assert [problem.split(":")[0] for problem in problems] == ["R/Data/DET/val/b.JPEG"]
    assert (notes, contents.images, contents.annotated) == ([], 2, 0)


def test_many_images_are_checked_in_order(tmp_path: Path) -> None:
    names = [f"i{number:03}" for number in range(600)]
    ilsvrc(tmp_path, only=xml())
    (tmp_path / "ImageSets/DET/val.txt").write_text("\n".join(names))
    problems: list[Problem] = []
    done: list[int] = []
    dataset = open_dataset(tmp_path, "val", "ilsvrc", problems.append)
    check_dataset(dataset, problems.append, pictures=False, advance_to=done.append)
    assert done == [256, 512, 600]
    for kind in (".xml", ".JPEG"):
        assert [p.path.stem for p in problems if p.path.suffix == kind] == names


def test_a_folder_that_cannot_be_looked_into_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ilsvrc(tmp_path, a=xml(), b=xml())
    is_file = Path.is_file

    def locked(path: Path) -> bool:
        if path.name == "a.JPEG":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", locked)
    problems, _, contents = check(tmp_path)
    assert problems == [
        "R/Data/DET/val/a.JPEG: cannot be looked at (Permission denied): see to its folder"
    ]
    assert contents.annotated == 2
