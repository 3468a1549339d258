"""All that is wrong with a data set, and what it holds: before a night of training is lost to it.

The rules are those of the readers; here are those that need more than one annotation, or the
pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.datasets.dataset import Dataset
from detector.datasets.problems import Problem, Report
from detector.datasets.reading.borders import overhangs
from detector.datasets.reading.pictures import read_header
from detector.datasets.reading.text_file import shown
from foundation.processors import available_processors
from proposals.images import ImageError, read_image

_BATCH: Final = 256  # images whose pictures are looked at together
_MOST_THREADS: Final = 8  # a picture may take half a gigabyte
_SHOWN: Final = 5  # of many files
_OVERHANG: Final = 1.0  # pixels that a box may leave its image by; so tools differ in counting


@dataclass
class Contents:
    """What a split holds, as far as it can be read.

    Attributes
    ----------
    images : int
        On the list.
    annotated : int
        Of which an annotation was read.
    objects_of, images_of : Counter of str
        Objects of each class by its key, and images with some.
    difficult, crowd : int
        Objects with these marks.
    notes : list of Problem
        What may be as it should be, but is worth a look.
    """

    images: int
    annotated: int = 0
    objects_of: Counter[str] = field(default_factory=Counter)
    images_of: Counter[str] = field(default_factory=Counter)
    difficult: int = 0
    crowd: int = 0
    notes: list[Problem] = field(default_factory=list)

    def add(self, annotation: ImageAnnotation) -> None:
        """Count what one image holds."""
        self.annotated += 1
        self.objects_of.update(annotation.class_keys)
        self.images_of.update(set(annotation.class_keys))
        self.difficult += sum(annotation.difficult)
        self.crowd += sum(annotation.crowd)


def check_dataset(
    dataset: Dataset,
    report: Report,
    *,
    pictures: bool,
    advance_to: Callable[[int], None],
) -> Contents:
    """Read all annotations of a split and look for everything that is wrong.

    Parameters
    ----------
    dataset : Dataset
        Opened with the same ``report``, so that problems of its lists are among the others.
    report : callable
        Is told of each problem.
    pictures : bool
        Whether each picture is decoded, and its size compared; else only its presence is seen to.
    advance_to : callable
        Called with the number of images done.
    """
    contents = Contents(len(dataset))
    first_with: dict[str, Path] = {}
    with ThreadPoolExecutor(min(_MOST_THREADS, available_processors())) as threads:
        for start in range(0, len(dataset), _BATCH):
            ids = dataset.image_ids[start : start + _BATCH]
            annotations = [_read(dataset, image_id, report) for image_id in ids]
            for image_id, annotation in zip(ids, annotations, strict=True):
                if annotation is None:
                    continue
                contents.add(annotation)
                for key in annotation.class_keys:
                    first_with.setdefault(key, dataset.annotation_path(image_id))
            look = partial(_look_at_picture, dataset, decode=pictures)
            for problems, notes in threads.map(look, ids, annotations):
                contents.notes.extend(notes)
                for problem in problems:
                    report(problem)
            advance_to(start + len(ids))
    for _ in dataset.class_lists():  # whose problems are told as they are read
        pass
    if dataset.labelled:
        _report_classes(dataset, contents, first_with, report)
        contents.notes.extend(_notes(dataset, contents))
    return contents


def _read(dataset: Dataset, image_id: str, report: Report) -> ImageAnnotation | None:
    if not dataset.labelled:
        return None
    annotation = dataset.examine(image_id, report)
    if annotation is not None:
        path = dataset.annotation_path(image_id)
        for what in (*_doubles(annotation), *_overhanging(annotation)):
            report(Problem(path, what))
    return annotation


def _doubles(annotation: ImageAnnotation) -> Iterator[str]:
    objects = zip(annotation.class_keys, map(tuple, annotation.boxes_xyxy.tolist()), strict=True)
    for (key, box), times in Counter(objects).items():
        if times > 1:
            yield (
                f"image {shown(annotation.image_id)} has {times} objects of class {key} with the"
                f" box ({_corners(box)}): keep one"
            )


def _overhanging(annotation: ImageAnnotation) -> Iterator[str]:
    height, width = annotation.image_size
    beyond = overhangs(annotation.boxes_xyxy, annotation.image_size)
    for row in np.flatnonzero(beyond > _OVERHANG):
        yield (
            f"image {shown(annotation.image_id)}: the box"
            f" ({_corners(annotation.boxes_xyxy[row].tolist())}) of class"
            f" {annotation.class_keys[row]} leaves the image of {width} x {height} pixels by"
            f" {beyond[row]:g}: correct the box or the size"
        )


def _corners(box: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in box)


def _look_at_picture(
    dataset: Dataset, image_id: str, annotation: ImageAnnotation | None, *, decode: bool
) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with a picture, and what is worth a note."""
    path = dataset.image_path(image_id)
    try:
        is_there = path.is_file()
    except OSError as error:
        return [Problem(path, f"cannot be looked at ({error.strerror}): see to its folder")], []
    if not is_there:
        what = f"missing, but {dataset.source} names the image: fetch the picture, or take the"
        return [Problem(path, f"{what} image off the list")], []
    if not decode:
        return [], []
    try:
        header = read_header(path)
        read_image(path)
    except ImageError as error:
        return [Problem(path, str(error).removeprefix(f"{path}: "))], []
    if annotation is not None and header.size != annotation.image_size:
        return [Problem(path, _other_size(header.size, header.stored_size, annotation))], []
    if header.orientation == 1:
        return [], []
    what = f"is turned by its EXIF orientation, {header.orientation}: its boxes must be those of"
    return [], [Problem(path, f"{what} the upright picture; look at some")]


def _other_size(
    size: tuple[int, int], stored_size: tuple[int, int], annotation: ImageAnnotation
) -> str:
    height, width = annotation.image_size
    stated = f"but its annotation says {width} x {height}"
    if annotation.image_size == stored_size:
        return (
            f"is {size[1]} x {size[0]} pixels when EXIF has turned it upright, {stated}: turn the"
            " boxes, or take the orientation out of the picture"
        )
    return f"is {size[1]} x {size[0]} pixels, {stated}: find the right picture, or correct the size"


def _report_classes(
    dataset: Dataset, contents: Contents, first_with: dict[str, Path], report: Report
) -> None:
    known = {c.key for c in dataset.classes}
    for key in sorted(contents.objects_of.keys() - known):
        objects, images = contents.objects_of[key], contents.images_of[key]
        report(
            Problem(
                first_with[key],
                f"class {shown(key)} is none of the data set's: {objects} objects in {images}"
                " images, this the first: correct the name, or leave them out of training",
            )
        )


def classes_without_objects(
    classes: Sequence[ObjectClass], contents: Contents
) -> list[ObjectClass]:
    """Return the classes of which no object was read."""
    return [c for c in classes if not contents.objects_of[c.key]]


def _notes(dataset: Dataset, contents: Contents) -> Iterator[Problem]:
    empty = classes_without_objects(dataset.classes, contents)
    if empty:
        names = ", ".join(c.name for c in empty[:_SHOWN]) + (", ..." if len(empty) > _SHOWN else "")
        what = f"holds no object of {len(empty)} of {len(dataset.classes)} classes ({names})"
        yield Problem(dataset.source, what)
    if unlisted := dataset.unlisted_files():
        names = ", ".join(path.name for path in unlisted[:_SHOWN])
        more = ", ..." if len(unlisted) > _SHOWN else ""
        what = f"{len(unlisted)} files here belong to no image that is listed ({names}{more})"
        yield Problem(unlisted[0].parent, what)
