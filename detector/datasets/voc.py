"""The tree in which PASCAL VOC is published."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from detector.classes import ObjectClass, voc_classes
from detector.datasets.annotation import DatasetError
from detector.datasets.image_list import read_image_list
from detector.datasets.problems import Problem, Report, refuse
from detector.datasets.reading.text_file import leads_astray, read_text, shown
from detector.datasets.xml.annotation import ILSVRC_RULES, VOC_RULES
from detector.datasets.xml.tree import TreeLayout, XmlTree, check_split_name, what_is_there

CLASS_LIST: Final = "classes.txt"
"""What the list of the classes is called, where they are others than VOC's."""

_MAX_BYTES: Final = 1 << 20  # of that list


class PascalVoc(XmlTree):
    """One split of PASCAL VOC, or of a data set in its layout.

    The tree is ``ImageSets/Main/{split}.txt``, ``Annotations/{image_id}.xml`` and
    ``JPEGImages/{image_id}.jpg``. A line of the list is ``image_id``; images are numbered by
    their lines, from 1. Pixels in annotations count from 1.

    The classes are VOC's 20, by their order in the alphabet, unless the root holds a file
    ``classes.txt`` with others: a name a line, or a name, a tab and the WordNet id. A class that
    VOC has needs no WordNet id there.

    Parameters
    ----------
    root : Path or str
        The folder that holds ``ImageSets``, ``Annotations`` and ``JPEGImages``, such as
        ``VOCdevkit/VOC2007``.
    split : str
        For example ``"trainval"``.
    report : callable
        Is told of problems in the lists; raises the first when left out.
    pictures : bool
        Whether the folder of the pictures must be there.

    Raises
    ------
    DatasetError
        If the tree lacks something or a list is damaged; on reading an item, if its
        annotation is missing or damaged.
    """

    def __init__(
        self, root: Path | str, split: str, report: Report = refuse, *, pictures: bool = True
    ) -> None:
        root = Path(root)
        layout = voc_layout(root)
        lists = layout.lists
        if not lists.is_dir():
            raise DatasetError(
                f"{lists}: no such folder: give the root that holds ImageSets, Annotations and"
                " JPEGImages, such as VOCdevkit/VOC2007"
            )
        classes = _classes(root / CLASS_LIST, report)
        list_path = lists / f"{split}.txt"
        check_split_name(list_path, split, found=list_path.is_file(), known=_splits(lists, classes))
        if pictures and not layout.pictures.is_dir():
            raise DatasetError(
                f"{layout.pictures}: no such folder; {what_is_there(root)}: put the pictures there"
            )
        numbers = read_image_list(list_path, report)
        super().__init__(root, split, list_path, layout, numbers, classes, report)

    def _class_files(self, object_class: ObjectClass) -> dict[Path, str | None]:
        if leads_astray(object_class.name):
            return {}
        path = self._layout.lists / f"{object_class.name}_{self.split}.txt"
        return {path: None} if path.is_file() else {}


def voc_layout(root: Path) -> TreeLayout:
    """Return where PASCAL VOC has the files of all splits."""
    return TreeLayout(
        lists=root / "ImageSets" / "Main",
        annotations=root / "Annotations",
        pictures=root / "JPEGImages",
        picture_suffix=".jpg",
        rules=VOC_RULES,
    )


def _splits(lists: Path, classes: tuple[ObjectClass, ...]) -> list[str]:
    """Return the lists that are not of one class."""
    of_classes = tuple(f"{c.name}_" for c in classes)
    return [path.stem for path in lists.glob("*.txt") if not path.stem.startswith(of_classes)]


def _classes(path: Path, report: Report) -> tuple[ObjectClass, ...]:
    if not path.exists():
        return voc_classes()
    wnid_of = {c.name: c.wnid for c in voc_classes()}
    classes: dict[str, ObjectClass] = {}
    names: set[str] = set()
    for line_number, line in enumerate(read_text(path, _MAX_BYTES).splitlines(), 1):
        if not line.strip():
            continue
        name, *rest = (word.strip() for word in line.split("\t"))
        found = ObjectClass(len(classes) + 1, rest[0] if rest else wnid_of.get(name, ""), name)
        if wrong := _wrong_class(found, rest):
            report(Problem(path, f"{wrong}, but is {shown(line)}: correct it", line_number))
        elif name in names or found.key in classes:
            wrong = f"{shown(line)} names a class that was named before: name each class once"
            report(Problem(path, wrong, line_number))
        else:
            classes[found.key] = found
            names.add(name)
    return tuple(classes.values())


def _wrong_class(found: ObjectClass, rest: list[str]) -> str:
    if VOC_RULES.name.fullmatch(found.name) is None:
        return f"must be {VOC_RULES.kind_of_name}"
    if len(rest) > 1 or (rest and ILSVRC_RULES.name.fullmatch(rest[0]) is None):
        return f"must be a class, or a class, a tab and {ILSVRC_RULES.kind_of_name}"
    return ""
