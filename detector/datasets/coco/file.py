"""Strict reading of COCO's file of annotations (``instances_*.json``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from reprlib import repr as short_repr
from typing import Any, Final, NamedTuple

import numpy as np

from detector.classes import ObjectClass, coco_classes
from detector.datasets.coco.index import CocoIndex
from detector.datasets.problems import Problem, Report, refuse
from detector.datasets.reading.borders import MAX_SIDE, Box, lies_outside
from detector.datasets.reading.safe_json import read_json
from detector.datasets.reading.text_file import leads_astray, shown
from detector.datasets.xml.annotation import ILSVRC_RULES, VOC_RULES

MAX_BYTES: Final = 1 << 31  # four times that of COCO's training images
_MOST: Final = 2**53  # beyond, not every whole number is a float of JSON


def parse_coco(path: Path, report: Report = refuse, *, labelled: bool = True) -> CocoIndex:
    """Read a file of annotations.

    Parameters
    ----------
    path : Path
    report : callable
        Is told of each image, category and annotation that cannot be used; it is left out.
    labelled : bool
        Whether the file must hold annotations.

    Raises
    ------
    DatasetError
        If the file cannot be read, is no JSON object, or lacks one of its lists.
    """
    document = read_json(path, max_bytes=MAX_BYTES)
    if not isinstance(document, dict):
        wrong = f"the outermost value must be an object, but is {short_repr(document)}"
        refuse(Problem(path, f"{wrong}: give a file of COCO's instances"))
    keys = ("images", "categories", *(("annotations",) if labelled else ()))
    for key in keys:
        if not isinstance(document.get(key), list):
            what = (
                f"must be a list, but is {short_repr(document[key])}"
                if key in document
                else ("is missing")
            )
            refuse(Problem(path, f'"{key}" {what}: give a file of COCO\'s instances'))
    images = _images(_Entries(path, "images", document["images"], report))
    classes = _classes(_Entries(path, "categories", document["categories"], report))
    entries = document["annotations"] if labelled else []
    objects = _objects(_Entries(path, "annotations", entries, report), images, classes)
    return _index(images, classes, list(objects))


class _Image(NamedTuple):
    row: int
    file_name: str
    size: tuple[int, int]


class _Object(NamedTuple):
    image: int  # row
    category: int  # row
    box_xyxy: Box
    crowd: bool
    area: float


@dataclass
class _Entries:
    """One of the file's lists. Values of its entries are None where wrong, which is reported."""

    path: Path
    name: str
    entries: list[Any]
    report: Report
    at: int = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for at, entry in enumerate(self.entries):
            self.at = at
            if isinstance(entry, dict):
                yield entry
            else:
                self.wrong(f"must be an object, but is {short_repr(entry)}: correct it")

    def wrong(self, what: str, key: str = "") -> None:
        """Report something wrong with the entry that is being read, or a value of it."""
        subject = f'"{key}" of {self.name}[{self.at}]' if key else f"{self.name}[{self.at}]"
        self.report(Problem(self.path, f"{subject} {what}"))

    def there(self, entry: Mapping[str, Any], key: str) -> bool:
        if key not in entry:
            self.wrong("is missing: add it", key)
        return key in entry

    def whole(self, entry: Mapping[str, Any], key: str, least: int, most: int) -> int | None:
        if not self.there(entry, key):
            return None
        value = entry[key]
        if type(value) is not int or not least <= value <= most:  # a bool is an int, too
            wanted = f"must be a whole number from {least} to {most}"
            self.wrong(f"{wanted}, but is {short_repr(value)}: correct it", key)
            return None
        return value

    def text(self, entry: Mapping[str, Any], key: str) -> str | None:
        if not self.there(entry, key):
            return None
        value = entry[key]
        if not isinstance(value, str) or VOC_RULES.name.fullmatch(value) is None:
            self.wrong(
                f"must be {VOC_RULES.kind_of_name}, but is {short_repr(value)}: correct it", key
            )
            return None
        return value

    def once(self, value: object, seen: dict[Any, Any], key: str) -> bool:
        """Return whether a value was not given to an entry before."""
        if value in seen:
            self.wrong(f"is {short_repr(value)}, as of an entry before: give each its own", key)
        return value not in seen


def _images(entries: _Entries) -> dict[int, _Image]:
    """Return the images by their number."""
    images: dict[int, _Image] = {}
    names: dict[str, None] = {}
    for entry in entries:
        number = entries.whole(entry, "id", 0, _MOST)
        name = _file_name(entries, entry)
        height = entries.whole(entry, "height", 1, MAX_SIDE)
        width = entries.whole(entry, "width", 1, MAX_SIDE)
        if number is None or name is None or height is None or width is None:
            continue
        image_id = without_suffix(name)
        if entries.once(number, images, "id") and entries.once(image_id, names, "file_name"):
            images[number] = _Image(len(images), name, (height, width))
            names[image_id] = None
    return images


def without_suffix(file_name: str) -> str:
    """Return the name of an image: that of its file, without suffix; may hold folders."""
    return str(PurePosixPath(file_name).with_suffix(""))


def _file_name(entries: _Entries, entry: Mapping[str, Any]) -> str | None:
    if not entries.there(entry, "file_name"):
        return None
    name = entry["file_name"]
    if not isinstance(name, str) or leads_astray(name):
        value = shown(name) if isinstance(name, str) else short_repr(name)
        entries.wrong(
            f"must be a file in the folder of pictures, but is {value}: give its name", "file_name"
        )
        return None
    return name


def _classes(entries: _Entries) -> dict[int, ObjectClass]:
    """Return the categories by their number, in the order of the file."""
    wnid_of = {c.name: c.wnid for c in coco_classes()}
    classes: dict[int, ObjectClass] = {}
    keys: dict[str, None] = {}
    for entry in entries:
        number = entries.whole(entry, "id", 0, 2**31 - 1)
        name = entries.text(entry, "name")
        wnid = entry.get("wnid", "")  # not COCO's: that of files written by this package
        if not isinstance(wnid, str) or (wnid and ILSVRC_RULES.name.fullmatch(wnid) is None):
            wanted = f"must be {ILSVRC_RULES.kind_of_name}, or empty"
            entries.wrong(f"{wanted}, but is {short_repr(wnid)}: correct it", "wnid")
            continue
        if number is None or name is None:
            continue
        found = ObjectClass(number, wnid or wnid_of.get(name, ""), name)
        if entries.once(number, classes, "id") and entries.once(found.key, keys, "name"):
            classes[number] = found
            keys[found.key] = None
    return classes


def _objects(
    entries: _Entries, images: Mapping[int, _Image], classes: Mapping[int, ObjectClass]
) -> Iterator[_Object]:
    row_of_class = {number: row for row, number in enumerate(classes)}
    numbers: dict[int, None] = {}
    for entry in entries:
        number = entries.whole(entry, "id", 0, _MOST)
        image = _known(entries, entry, "image_id", images, "image")
        category = _known(entries, entry, "category_id", row_of_class, "category")
        crowd = entries.whole({"iscrowd": 0, **entry}, "iscrowd", 0, 1)
        box = _box(entries, entry, image)
        area = _area(entries, entry, box)
        if number is None or image is None or category is None or crowd is None:
            continue
        if box is None or area is None or not entries.once(number, numbers, "id"):
            continue
        numbers[number] = None
        yield _Object(image.row, category, box, bool(crowd), area)


def _known(
    entries: _Entries, entry: Mapping[str, Any], key: str, known: Mapping[int, Any], what: str
) -> Any | None:  # noqa: ANN401 - what the number stands for
    number = entries.whole(entry, key, 0, _MOST)
    if number is not None and number not in known:
        entries.wrong(
            f"is {number}, which is no {what} of the file that can be used: correct it", key
        )
        return None
    return None if number is None else known[number]


def _box(entries: _Entries, entry: Mapping[str, Any], image: _Image | None) -> Box | None:
    if not entries.there(entry, "bbox"):
        return None
    value = entry["bbox"]
    if not (isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))):
        wanted = "must be four numbers [x, y, width, height]"
        entries.wrong(f"{wanted}, but is {short_repr(value)}: correct it", "bbox")
        return None
    x, y, width, height = value
    if width < 0 or height < 0:
        wanted = "must not have a negative width or height"
        entries.wrong(f"{wanted}, but is {value}: give [x, y, width, height]", "bbox")
        return None
    if image is None:
        return None
    box = (x, y, x + width, y + height)
    if lies_outside(box, image.size):
        size = f"{image.size[1]} x {image.size[0]} pixels"
        entries.wrong(
            f"is {value}, outside the image of {size}: correct the box or the size", "bbox"
        )
        return None
    return box


def _area(entries: _Entries, entry: Mapping[str, Any], box: Box | None) -> float | None:
    if "area" not in entry:
        return None if box is None else (box[2] - box[0]) * (box[3] - box[1])
    area = entry["area"]
    if not _is_number(area) or area < 0:
        wanted = "must be a number from 0"
        entries.wrong(f"{wanted}, but is {short_repr(area)}: correct or remove it", "area")
        return None
    return float(area)


def _is_number(value: object) -> bool:
    """Return whether a value is a number that is not beyond all sizes; a bool is none."""
    return type(value) in {int, float} and abs(value) < 1e12  # type: ignore[arg-type]


def _index(
    images: Mapping[int, _Image], classes: Mapping[int, ObjectClass], objects: list[_Object]
) -> CocoIndex:
    objects.sort(key=lambda one: one.image)  # stable: those of an image stay in their order
    rows = [one.image for one in objects]
    boxes = np.array([one.box_xyxy for one in objects], np.float32).reshape(-1, 4)
    return CocoIndex(
        image_numbers=np.array(list(images), np.int64),
        file_names=tuple(image.file_name for image in images.values()),
        image_sizes=np.array([image.size for image in images.values()], np.int64).reshape(-1, 2),
        classes=tuple(classes.values()),
        starts=np.searchsorted(np.array(rows, np.int64), np.arange(len(images) + 1)),
        categories=np.array([one.category for one in objects], np.int64),
        boxes_xyxy=boxes,
        crowd=np.array([one.crowd for one in objects], np.bool_),
        areas=np.array([one.area for one in objects], np.float64),
    )
