"""From one data set to another, image by image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import assert_never

import numpy as np

from detector.classes import ObjectClass
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.conversion.coco_writer import CocoWriter
from detector.datasets.conversion.placing import SourcePicture, open_picture
from detector.datasets.conversion.writer import DatasetWriter, Mark
from detector.datasets.conversion.xml_writer import IlsvrcWriter, VocWriter
from detector.datasets.dataset import Dataset
from detector.datasets.formats import DatasetFormat
from proposals.boxes import box_areas
from proposals.images import ImageError

_SAME_AREA = 1e-3  # relative; what rounding may do to the area of a box


def open_writer(
    root: Path | str,
    split: str,
    dataset_format: DatasetFormat,
    classes: Sequence[ObjectClass],
    *,
    copy: bool = False,
) -> DatasetWriter:
    """Return the writer of one split of a tree of a format; nothing is written yet.

    Parameters
    ----------
    root : Path or str
        Folder of the tree; made where it is missing.
    split : str
        For example ``"val"``.
    dataset_format : {"ilsvrc", "voc", "coco"}
    classes : sequence of ObjectClass
        Those to write.
    copy : bool
        Copy pictures instead of giving them a second name.

    Raises
    ------
    DatasetError
        If the split is there already, a name cannot be written, or the format has a place for
        none of the classes.
    """
    if PurePosixPath(split).name != split:
        raise DatasetError(f"'{split}' cannot be the name of a split: give a word without slashes")
    match dataset_format:
        case "ilsvrc":
            writer: DatasetWriter = IlsvrcWriter(Path(root), split, classes, copy=copy)
        case "voc":
            writer = VocWriter(Path(root), split, classes, copy=copy)
        case "coco":
            writer = CocoWriter(Path(root), split, classes, copy=copy)
        case _:
            assert_never(dataset_format)
    if not writer.keys:
        raise DatasetError(
            f"{root}: format {dataset_format} has a place for none of the {len(classes)} classes:"
            " choose others, or another format"
        )
    return writer


@dataclass
class Conversion:
    """What came of a conversion.

    Attributes
    ----------
    images, objects : int
        Written.
    left_out : Counter of str
        Objects of classes that the format has no place for, by name.
    unmarked : Counter of Mark
        Objects that lost a mark, which the format has no place for.
    veiled : int
        Crowds that were written as difficult objects, as the format knows these alone.
    skipped : list of str
        Why images are missing, a line each.
    """

    images: int = 0
    objects: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    unmarked: Counter[Mark] = field(default_factory=Counter)
    veiled: int = 0
    skipped: list[str] = field(default_factory=list)


def convert_dataset(
    dataset: Dataset,
    writer: DatasetWriter,
    classes: Sequence[ObjectClass],
    report: Callable[[int], None],
    *,
    leave_out: Collection[Mark] = (),
) -> Conversion:
    """Write all images of a data set with their objects of some classes.

    An image whose picture or annotation is damaged, or whose picture is not of the size that
    its annotation states, is skipped.

    Parameters
    ----------
    dataset : Dataset
    writer : DatasetWriter
        Of `open_writer`.
    classes : sequence of ObjectClass
        Out of those of the data set; objects of its other classes are not asked for.
    report : callable
        Called with the number of images done.
    leave_out : collection of {"difficult", "crowd"}
        Objects that are marked so are not asked for either.

    Raises
    ------
    DatasetError
        If no image at all could be read, or a file cannot be written; the split is not
        complete then.
    """
    result = Conversion()
    refused = {c.key for c in dataset.classes} - {c.key for c in classes}
    names = {c.key: c.name for c in classes}
    numbered = zip(dataset.image_ids, dataset.image_numbers, strict=True)
    for done, (image_id, number) in enumerate(numbered, 1):
        try:
            annotation = dataset.read(image_id)
            picture = _open_fitting(annotation)
        except (DatasetError, ImageError, OSError) as error:
            result.skipped.append(str(error))
        else:
            kept = _held(_asked_for(annotation, refused, leave_out), writer, names, result)
            writer.add(kept, number, picture)
            result.images += 1
            result.objects += len(kept)
        report(done)
    if result.skipped and not result.images:
        raise DatasetError(f"no image could be read; the first: {result.skipped[0]}")
    writer.finish()
    return result


def _open_fitting(annotation: ImageAnnotation) -> SourcePicture:
    """Open the picture of an image, and see that its size is the one that was labelled."""
    picture = open_picture(annotation.image_path)
    if picture.size != annotation.image_size:
        (height, width), (said_height, said_width) = picture.size, annotation.image_size
        raise ImageError(
            f"{annotation.image_path}: is {width} x {height} pixels, but its annotation says"
            f" {said_width} x {said_height}: fetch the picture again, or correct the annotation"
        )
    return picture


def _asked_for(
    annotation: ImageAnnotation, refused: Collection[str], leave_out: Collection[Mark]
) -> ImageAnnotation:
    """Return an annotation without objects that nobody wants."""
    asked = np.array([key not in refused for key in annotation.class_keys], np.bool_)
    for mark in leave_out:
        asked &= ~np.array(getattr(annotation, mark), np.bool_)
    return annotation.where(asked)


def _held(
    annotation: ImageAnnotation,
    writer: DatasetWriter,
    names: Mapping[str, str],
    result: Conversion,
) -> ImageAnnotation:
    """Return an annotation as far as the format has a place for it; count what it has none for."""
    known = np.array([key in writer.keys for key in annotation.class_keys], np.bool_)
    strange = annotation.where(~known).class_keys
    result.left_out.update(names.get(key, key) for key in strange)
    held = annotation.where(known)
    if "crowd" not in writer.marks and "difficult" in writer.marks:
        # Neither is asked for, and neither makes what finds it wrong.
        result.veiled += sum(held.crowd)
        either = zip(held.difficult, held.crowd, strict=True)
        held = replace(held, difficult=tuple(map(any, either)), crowd=(False,) * len(held))
    own_area = ~np.isclose(held.areas, box_areas(held.boxes_xyxy), rtol=_SAME_AREA)
    counts: dict[Mark, int] = {
        "difficult": sum(held.difficult),
        "crowd": sum(held.crowd),
        "areas": int(own_area.sum()),
    }
    result.unmarked.update({m: n for m, n in counts.items() if m not in writer.marks and n})
    return held
