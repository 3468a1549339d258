"""Detections in the formats that other programs read.

====== ====== ===================================================================================
format path   what is written
====== ====== ===================================================================================
coco   file   ``[{"image_id": 17, "category_id": 3, "bbox": [x, y, w, h], "score": 0.9}, ...]``
voc    folder ``comp4_det_{split}_{class}.txt``: ``image confidence xmin ymin xmax ymax``
ilsvrc file   ``image_id det_id confidence xmin ymin xmax ymax``, by `write_predictions`
csv    file   ``image,class,wnid,score,xmin,ymin,xmax,ymax``, and a head
yolo   folder ``labels/{image}.txt``: ``class x y w h confidence``; ``classes.txt``
====== ====== ===================================================================================

Pixels count from 0, in VOC's files from 1; ``xmax`` and ``ymax`` belong to the box in VOC's and
ILSVRC's files and are the first ones outside in CSV. YOLO's ``x`` and ``y`` are the centre, and all
four are shares of the image; its classes count from 0 by the lines of ``classes.txt``. Numbers
have nine significant digits, which tell any two float32 apart.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from detector.classes import ObjectClass, voc_classes
from detector.scoring.files.image_index import ImageIndex
from detector.scoring.files.prediction_file import write_predictions
from detector.scoring.records import Predictions
from foundation.files import whole_file

ResultFormat = Literal["coco", "voc", "ilsvrc", "csv", "yolo"]
RESULT_FORMATS: Final[tuple[ResultFormat, ...]] = ("coco", "voc", "ilsvrc", "csv", "yolo")
_FOLDERS: Final[frozenset[ResultFormat]] = frozenset({"voc", "yolo"})


@dataclass(frozen=True)
class ResultImage:
    """An image of which there are detections, or might be.

    Attributes
    ----------
    name : str
        Without suffix; may hold folders.
    number : int or str
        What COCO's and ILSVRC's files call it; a name where there is no number.
    size : (int, int)
        Height and width in pixels.
    """

    name: str
    number: int | str
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class ResultSet:
    """Detections of a split, and what files call its images and classes.

    Attributes
    ----------
    predictions : Predictions
        ``image_indices`` are places in ``images``; classes are among ``classes``.
    images : tuple of ResultImage
        All that were looked at.
    classes : tuple of ObjectClass
    split : str
        For the names of VOC's files.
    """

    predictions: Predictions
    images: tuple[ResultImage, ...]
    classes: tuple[ObjectClass, ...]
    split: str


def check_result_path(result_format: ResultFormat, path: Path) -> None:
    """Refuse a path that cannot be written to, before anything is detected.

    Raises
    ------
    ValueError
        If a file is wanted and a folder is there, or a folder is wanted and something is in it.
    """
    if result_format not in _FOLDERS:
        if path.is_dir():
            raise ValueError(f"{path}: must be a file for results of {result_format}, not a folder")
    elif path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(
            f"{path}: must be a new or empty folder for results of {result_format}: name another,"
            " or remove it"
        )


def write_results(result_format: ResultFormat, path: Path, results: ResultSet) -> None:
    """Write detections in a format; the file or folder appears when it is complete.

    Raises
    ------
    ValueError
        As `check_result_path`, or if the name of a class or an image cannot be that of a file.
    OSError
        If it cannot be written.
    """
    check_result_path(result_format, path)
    write = _WRITERS[result_format]
    if result_format in _FOLDERS:
        with _whole_folder(path) as folder:
            write(folder, results)
    else:
        with whole_file(path) as temporary:
            write(temporary, results)


class _Row(NamedTuple):
    image: ResultImage
    object_class: ObjectClass
    score: float
    box: tuple[float, float, float, float]  # x1, y1, x2, y2, exclusive


def _rows(results: ResultSet) -> Iterator[_Row]:
    found, class_of = results.predictions, {one.id: one for one in results.classes}
    columns = (
        found.image_indices.tolist(),
        found.class_ids.tolist(),
        found.scores.tolist(),
        found.boxes_xyxy.tolist(),
    )
    for image, class_id, score, box in zip(*columns, strict=True):
        yield _Row(results.images[image], class_of[class_id], score, tuple(box))


def _write_coco(path: Path, results: ResultSet) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for number, row in enumerate(_rows(results)):
            x1, y1, x2, y2 = row.box
            box = ", ".join(f"{value:.9g}" for value in (x1, y1, x2 - x1, y2 - y1))
            image_id, class_id = json.dumps(row.image.number), row.object_class.id
            file.write(
                f'{"," if number else ""}\n{{"image_id": {image_id}, "category_id": {class_id},'
                f' "bbox": [{box}], "score": {row.score:.9g}}}'
            )
        file.write("\n]\n")


def _write_voc(folder: Path, results: ResultSet) -> None:
    lines: dict[int, list[str]] = {one.id: [] for one in results.classes}
    for row in _rows(results):
        x1, y1, x2, y2 = row.box
        corners = " ".join(f"{value:.9g}" for value in (x1 + 1, y1 + 1, x2, y2))
        lines[row.object_class.id].append(f"{row.image.name} {row.score:.9g} {corners}\n")
    name_by_key = {one.key: one.name for one in voc_classes()}
    for one in results.classes:
        name = _file_name(name_by_key.get(one.key, one.name), "class")
        path = folder / f"comp4_det_{results.split}_{name}.txt"
        path.write_text("".join(lines[one.id]), encoding="utf-8")


def _write_ilsvrc(path: Path, results: ResultSet) -> None:
    numbers = [one.number for one in results.images if isinstance(one.number, int)]
    if len(numbers) < len(results.images):
        raise ValueError("ILSVRC's files call images by the numbers of their list: give numbers")
    names = [one.name for one in results.images]
    write_predictions(path, results.predictions, ImageIndex(names, numbers))


def _write_csv(path: Path, results: ResultSet) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["image", "class", "wnid", "score", "xmin", "ymin", "xmax", "ymax"])
        table.writerows(
            [row.image.name, row.object_class.name, row.object_class.wnid]
            + [f"{value:.9g}" for value in (row.score, *row.box)]
            for row in _rows(results)
        )


def _write_yolo(folder: Path, results: ResultSet) -> None:
    place_of = {one.id: place for place, one in enumerate(results.classes)}
    names = "".join(f"{one.name}\n" for one in results.classes)
    (folder / "classes.txt").write_text(names, encoding="utf-8")
    lines: dict[str, list[str]] = {one.name: [] for one in results.images}
    for row in _rows(results):
        height, width = row.image.size
        x1, y1, x2, y2 = row.box
        shares = (
            (x1 + x2) / 2 / width,
            (y1 + y2) / 2 / height,
            (x2 - x1) / width,
            (y2 - y1) / height,
        )
        numbers = " ".join(f"{value:.9g}" for value in (*shares, row.score))
        lines[row.image.name].append(f"{place_of[row.object_class.id]} {numbers}\n")
    for name, of_image in lines.items():
        path = folder / "labels" / f"{_file_name(name, 'image', folders=True)}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(of_image), encoding="utf-8")


_WRITERS: Final[Mapping[ResultFormat, Callable[[Path, ResultSet], None]]] = MappingProxyType(
    {
        "coco": _write_coco,
        "voc": _write_voc,
        "ilsvrc": _write_ilsvrc,
        "csv": _write_csv,
        "yolo": _write_yolo,
    }
)


def _file_name(name: str, what: str, *, folders: bool = False) -> str:
    from detector.datasets.reading.text_file import leads_astray, shown

    if leads_astray(name) or ("/" in name and not folders):
        raise ValueError(f"the {what} {shown(name)} cannot be the name of a file: rename it")
    return name


@contextmanager
def _whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder to write to that becomes ``path``, which is not there or empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    temporary.mkdir()
    try:
        yield temporary
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
