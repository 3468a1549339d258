"""Writers of the trees of ILSVRC DET and PASCAL VOC."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from detector.classes import ObjectClass, ilsvrc_classes, voc_classes
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.ilsvrc import ilsvrc_layout
from detector.datasets.placing import SourcePicture, place_text
from detector.datasets.text_file import shown
from detector.datasets.voc import CLASS_LIST, voc_layout
from detector.datasets.writer import DatasetWriter, Mark
from detector.datasets.xml_annotation import VOC_RULES
from detector.datasets.xml_tree import TreeLayout
from detector.datasets.xml_writing import annotation_xml, pixel_boxes
from foundation.files import write_text

_NO_WORD: Final = re.compile(r"[\s\x00-\x1f\x7f]+")  # what a column of a list cannot hold
_NOT_IN_XML: Final = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
_MOST: Final = 999_999_999  # as a list's number


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
