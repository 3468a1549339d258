"""Writers of the trees of ILSVRC DET and PASCAL VOC."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Final, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from detector.classes import ObjectClass, ilsvrc_classes, voc_classes
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.conversion.placing import SourcePicture, place_text
from detector.datasets.conversion.writer import DatasetWriter, Mark, shortest_decimal
from detector.datasets.ilsvrc import ilsvrc_layout
from detector.datasets.reading.text_file import shown
from detector.datasets.voc import CLASS_LIST, voc_layout
from detector.datasets.xml.annotation import VOC_RULES
from detector.datasets.xml.tree import TreeLayout
from foundation.files import write_text

_NO_WORD: Final = re.compile(r"[\s\x00-\x1f\x7f]+")  # what a column of a list cannot hold
_NOT_IN_XML: Final = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
_MOST: Final = 999_999_999  # as a list's number
_FINEST: Final = Decimal("1e-9")  # the readers take nine digits behind the point


class PixelBox(NamedTuple):
    """A box as these files write it: first and last pixel on either axis."""

    xmin: Decimal
    ymin: Decimal
    xmax: Decimal
    ymax: Decimal
    widened: bool  # whether the object was thinner than a pixel, which is the least there is


def pixel_boxes(annotation: ImageAnnotation, first_pixel: int) -> list[PixelBox]:
    """Return the objects' boxes with inclusive edges.

    Numbers are the shortest that are read as the same float32 again.

    Parameters
    ----------
    annotation : ImageAnnotation
    first_pixel : int
        Number of the leftmost and uppermost pixel: 0 in ILSVRC DET, 1 in VOC.
    """
    height, width = annotation.image_size
    boxes = []
    for x1, y1, x2, y2 in annotation.boxes_xyxy:
        xmin, xmax, thin = _first_and_last(x1, x2, width)
        ymin, ymax, flat = _first_and_last(y1, y2, height)
        xmin, ymin, xmax, ymax = (corner + first_pixel for corner in (xmin, ymin, xmax, ymax))
        boxes.append(PixelBox(xmin, ymin, xmax, ymax, thin or flat))
    return boxes


def annotation_xml(
    file_name: str,
    image_size: tuple[int, int],
    names: Sequence[str],
    boxes: Sequence[PixelBox],
    difficult: Sequence[bool] | None,
) -> str:
    """Return the content of an annotation file.

    Parameters
    ----------
    file_name : str
        Of the picture, without folders.
    image_size : (int, int)
        Height and width in pixels.
    names : sequence of str, length G
        What the file calls the class of each object.
    boxes : sequence of PixelBox, length G
    difficult : sequence of bool, length G, or None
        Which objects are marked so; None where files have no such mark.
    """
    root = ET.Element("annotation")
    height, width = image_size
    _add(root, filename=file_name)
    _add(ET.SubElement(root, "size"), width=width, height=height, depth=3)
    for row, (name, box) in enumerate(zip(names, boxes, strict=True)):
        element = ET.SubElement(root, "object")
        _add(element, name=name)
        if difficult is not None:
            _add(element, difficult=int(difficult[row]))
        corners = dict(zip(PixelBox._fields, map(_plain, box[:4]), strict=False))
        _add(ET.SubElement(element, "bndbox"), **corners)
    ET.indent(root, "\t")
    return ET.tostring(root, encoding="unicode") + "\n"


class XmlTreeWriter(DatasetWriter):
    """Writes a split of a tree with an XML file an image.

    Parameters
    ----------
    layout : TreeLayout
    split : str
    names : mapping of str to str
        What annotations call each class, by its key.
    copy : bool
        Copy pictures instead of giving them a second name.
    """

    def __init__(
        self, layout: TreeLayout, split: str, names: Mapping[str, str], *, copy: bool
    ) -> None:
        super().__init__(layout.lists / f"{split}.txt", names, copy=copy)
        self._layout = layout
        self._names = names
        self._numbers: dict[str, int] = {}

    def add(self, annotation: ImageAnnotation, number: int, picture: SourcePicture) -> None:
        """Write an image with its objects."""
        name = self._name_of(annotation)
        target = self._layout.pictures / f"{name}{self._layout.picture_suffix}"
        self._place_as_jpeg(picture, target)
        boxes = pixel_boxes(annotation, self._layout.rules.first_pixel)
        self.changes["widened"] += sum(box.widened for box in boxes)
        names = [self._names[key] for key in annotation.class_keys]
        difficult = annotation.difficult if "difficult" in self.marks else None
        content = annotation_xml(target.name, annotation.image_size, names, boxes, difficult)
        place_text(content, self._layout.annotations / f"{name}.xml")
        self._numbers[name] = number

    def finish(self) -> None:
        """Write the list of all images that were added."""
        for folder in (self._layout.pictures, self._layout.annotations):
            folder.mkdir(parents=True, exist_ok=True)  # readers ask for them, if empty
        write_text(self.list_path, "".join(f"{line}\n" for line in self._lines(self._numbers)))

    @abstractmethod
    def _lines(self, numbers: Mapping[str, int]) -> Iterable[str]:
        """Return the lines of the list, from the number of each image."""

    def _name_of(self, annotation: ImageAnnotation) -> str:
        """Return what the list calls an image: one word, as spaces part its columns."""
        name = _NO_WORD.sub("_", annotation.image_id)
        if name in self._numbers:
            raise DatasetError(
                f"{annotation.image_path}: would be called '{name}', as another image is: rename"
                " one of them"
            )
        self.changes["renamed"] += name != annotation.image_id
        return name


class IlsvrcWriter(XmlTreeWriter):
    """Writes a split in ILSVRC DET's layout; of the classes, those that are of its 200.

    Parameters
    ----------
    root : Path
        Of the tree; made where it is missing.
    split : str
    classes : sequence of ObjectClass
    copy : bool
        Copy pictures instead of giving them a second name.
    """

    marks: ClassVar[frozenset[Mark]] = frozenset()

    def __init__(
        self, root: Path, split: str, classes: Sequence[ObjectClass], *, copy: bool = False
    ) -> None:
        known = {c.wnid for c in ilsvrc_classes()}
        names = {c.key: c.wnid for c in classes if c.wnid in known}
        super().__init__(ilsvrc_layout(root, split), split, names, copy=copy)
        numbers = {c.key: c.id for c in ilsvrc_classes()}
        self.changes["reclassed"] = sum(numbers.get(c.key, c.id) != c.id for c in classes)

    def _lines(self, numbers: Mapping[str, int]) -> Iterable[str]:
        if max(numbers.values(), default=0) > _MOST:
            self.changes["renumbered"] = len(numbers)
            numbers = {name: number for number, name in enumerate(numbers, 1)}
        return (f"{name} {number}" for name, number in numbers.items())


class VocWriter(XmlTreeWriter):
    """Writes a split in PASCAL VOC's layout.

    Classes that VOC has are called as VOC calls them. Where there are others, a file of all
    classes lies beside the tree's folders, as `PascalVoc` reads it.

    Parameters
    ----------
    root : Path
        Of the tree; made where it is missing.
    split : str
    classes : sequence of ObjectClass
    copy : bool
        Copy pictures instead of giving them a second name.

    Raises
    ------
    DatasetError
        If a class has a name that XML cannot hold, or that another class has, too.
    """

    marks: ClassVar[frozenset[Mark]] = frozenset({"difficult"})

    def __init__(
        self, root: Path, split: str, classes: Sequence[ObjectClass], *, copy: bool = False
    ) -> None:
        names = _voc_names(classes)
        super().__init__(voc_layout(root), split, names, copy=copy)
        self._class_list = root / CLASS_LIST
        self._class_lines = _class_lines(classes, names)
        self._check_classes()
        numbers = {c.key: c.id for c in voc_classes()}
        if self._class_lines:
            numbers = {c.key: line for line, c in enumerate(classes, 1)}
        self.changes["reclassed"] = sum(numbers[c.key] != c.id for c in classes)

    def finish(self) -> None:
        """Write the list of the classes where readers need it, and that of the images."""
        if self._class_lines:
            place_text(self._class_lines, self._class_list)
        super().finish()

    def _check_classes(self) -> None:
        """Refuse a tree whose other splits have other classes."""
        is_there = self._class_list.exists()
        present = self._class_list.read_bytes() if is_there else b""
        in_use = is_there or any(self._layout.lists.glob("*.txt"))
        if in_use and present != self._class_lines.encode():
            raise DatasetError(
                f"{self._class_list}: must list the classes of this split, but the tree has others:"
                " choose another folder"
            )

    def _lines(self, numbers: Mapping[str, int]) -> Iterable[str]:
        changed = sum(number != line for line, number in enumerate(numbers.values(), 1))
        self.changes["renumbered"] = changed
        return numbers


def _voc_names(classes: Sequence[ObjectClass]) -> dict[str, str]:
    """Return what VOC's annotations call each class, by its key."""
    names = {c.key: c.name.strip() for c in classes}
    names |= {c.key: c.name for c in voc_classes() if c.key in names}
    taken: set[str] = set()
    for name in names.values():
        if VOC_RULES.name.fullmatch(name) is None or _NOT_IN_XML.search(name) or name in taken:
            raise DatasetError(
                f"VOC's files cannot call a class {shown(name)}, or two are called so: rename it,"
                " or choose classes without it"
            )
        taken.add(name)
    return names


def _class_lines(classes: Sequence[ObjectClass], names: Mapping[str, str]) -> str:
    """Return the list of the classes with their WordNet ids, empty where VOC has them all."""
    if {c.key for c in classes} <= {c.key for c in voc_classes()}:
        return ""
    return "".join(f"{names[c.key]}\t{c.wnid}".rstrip("\t") + "\n" for c in classes)


def _first_and_last(low: np.float32, high: np.float32, side: int) -> tuple[Decimal, Decimal, bool]:
    """Return the first and the last pixel between two edges, counted from 0."""
    first, end = _rounded(low), _rounded(high)
    if end - first >= 1:
        return first, end - 1, False
    first = min(first, Decimal(side - 1))  # at the border, inwards
    return first, first, True


def _rounded(value: np.float32) -> Decimal:
    exact = shortest_decimal(value)
    exponent = exact.as_tuple().exponent
    return exact.quantize(_FINEST) if isinstance(exponent, int) and exponent < -9 else exact


def _plain(value: Decimal) -> str:
    """Write a number without exponent and needless zeros."""
    return f"{value.normalize():f}"


def _add(parent: ET.Element, **texts: object) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = str(text)
