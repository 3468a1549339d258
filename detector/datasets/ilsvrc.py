"""The tree in which ILSVRC DET is published."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from detector.classes import ObjectClass, ilsvrc_classes
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.image_list import read_class_list, read_image_list
from detector.datasets.problems import Problem, Report, once, refuse
from detector.datasets.reading.pictures import read_header
from detector.datasets.xml.annotation import ILSVRC_RULES
from detector.datasets.xml.tree import TreeLayout, XmlTree, check_split_name, what_is_there
from proposals.images import ImageError

_OF_ONE_CLASS: Final = re.compile(r"(.+?)(?:_(?:pos|part|neg))?_[0-9]{1,3}")  # a list's stem


class IlsvrcDet(XmlTree):
    """One split of ILSVRC DET.

    The tree is ``ImageSets/DET/{split}.txt``, ``Annotations/DET/{split}/{image_id}.xml`` and
    ``Data/DET/{split}/{image_id}.JPEG``. A line of the list is ``image_id number``; a line
    without a number has its line number, from 1. Names of training images hold their folders,
    as in ``ILSVRC2013_train/n01443537/n01443537_10007``.

    - A list that has no folders of its own takes its images from those that its name begins
      with: ``val1`` and ``val2``, R-CNN's halves of ``val``, lie in ``val``.
    - Where the list is missing, but lists of the classes are there (``train_1.txt`` to
      ``train_200.txt`` with lines ``image_id 1|0|-1``, or ``train_pos_1.txt``,
      ``train_part_1.txt``, ``train_neg_1.txt`` and so on), the split is all that they name.
    - An image without an annotation that the lists of classes name as negative only has no
      object. That is certain of the classes whose lists name it, see `class_list`.
    - A split without annotations, such as ``test``, serves for detection.

    Parameters
    ----------
    root : Path or str
        The folder that holds ``ImageSets``, ``Annotations`` and ``Data``.
    split : str
        For example ``"val"``.
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
        root, report = Path(root), once(report)
        lists = ilsvrc_layout(root, split).lists
        if not lists.is_dir():
            raise DatasetError(
                f"{lists}: no such folder: give the root that holds ImageSets, Annotations and Data"
            )
        list_path = lists / f"{split}.txt"
        of_classes = _lists_of_classes(lists, split)
        check_split_name(
            list_path, split, found=list_path.is_file() or bool(of_classes), known=_splits(lists)
        )
        self._folder = _folder_of(root, split)
        layout = ilsvrc_layout(root, self._folder)
        _check_folders(layout, self._folder, pictures=pictures)
        if list_path.is_file():
            source, numbers = list_path, read_image_list(list_path, report)
        else:
            source, numbers = lists, _all_of(of_classes, report)
        super().__init__(root, split, source, layout, numbers, ilsvrc_classes(), report)

    def _class_files(self, object_class: ObjectClass) -> dict[Path, str | None]:
        kinds = (("", None), ("pos_", "1"), ("part_", "0"), ("neg_", "-1"))
        paths = {
            self._layout.lists / f"{self._folder}_{kind}{object_class.id}.txt": label
            for kind, label in kinds
        }
        return {path: label for path, label in paths.items() if path.is_file()}

    def _without_annotation(self, image_id: str, report: Report) -> ImageAnnotation | None:
        if image_id not in self._negatives:
            return super()._without_annotation(image_id, report)
        path = self.image_path(image_id)
        try:
            image_size = read_header(path).size
        except ImageError as error:
            report(Problem(path, str(error).removeprefix(f"{path}: ")))
            return None
        return ImageAnnotation(image_id, path, image_size, np.zeros((0, 4), np.float32), ())

    @cached_property
    def _negatives(self) -> frozenset[str]:
        """Images that lists of classes name, all as negative."""
        negative: set[str] = set()
        holding: set[str] = set()
        for _, found in self.class_lists():
            negative.update(found.negative)
            holding.update(found.positive, found.partial)
        return frozenset(negative - holding)


def ilsvrc_layout(root: Path, folder: str) -> TreeLayout:
    """Return where ILSVRC DET has the files of a split, given the name of its folders."""
    return TreeLayout(
        lists=root / "ImageSets" / "DET",
        annotations=root / "Annotations" / "DET" / folder,
        pictures=root / "Data" / "DET" / folder,
        picture_suffix=".JPEG",
        rules=ILSVRC_RULES,
    )


def _splits(lists: Path) -> set[str]:
    stems = {path.stem for path in lists.glob("*.txt")}
    of_classes = {stem: match[1] for stem in stems if (match := _OF_ONE_CLASS.fullmatch(stem))}
    return (stems - of_classes.keys()) | set(of_classes.values())


def _lists_of_classes(lists: Path, split: str) -> list[Path]:
    """Return the lists of single classes of a split, by class."""
    numbers = {
        path: int(path.stem.rpartition("_")[2])
        for path in lists.glob("*.txt")
        if (match := _OF_ONE_CLASS.fullmatch(path.stem)) and match[1] == split
    }
    return sorted(numbers, key=lambda path: (numbers[path], path))


def _all_of(paths: list[Path], report: Report) -> dict[str, int]:
    """Return all images that lists of classes name, numbered from 1."""
    label_of_kind = {"pos": "1", "part": "0", "neg": "-1"}
    names: dict[str, None] = {}
    for path in paths:
        kind = path.stem.split("_")[-2]
        found = read_class_list({path: label_of_kind.get(kind)}, report)
        names.update(dict.fromkeys((*found.positive, *found.partial, *found.negative)))
    return {name: number for number, name in enumerate(names, 1)}


def _folder_of(root: Path, split: str) -> str:
    """Return the folder of a split: its own, or that with which its name begins."""
    branches = (root / "Annotations" / "DET", root / "Data" / "DET")
    folders = {
        path.name
        for branch in branches
        if branch.is_dir()
        for path in branch.iterdir()
        if path.is_dir() and split.startswith(path.name)
    }
    return max(folders, key=len, default=split)


def _check_folders(layout: TreeLayout, folder: str, *, pictures: bool) -> None:
    """Refuse a tree without pictures if they are wanted; without annotations it is unlabelled."""
    if layout.pictures.is_dir() or (not pictures and layout.annotations.is_dir()):
        return
    missing = next(p for p in (layout.annotations, layout.pictures) if not p.is_dir())
    raise DatasetError(
        f"{missing}: no such folder; {what_is_there(missing.parent)}: unpack the"
        f" labelled split '{folder}' there"
    )
