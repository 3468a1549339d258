"""What the trees of ILSVRC DET and PASCAL VOC have in common: lists, and a file an image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from detector.classes import ObjectClass
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.dataset import Dataset
from detector.datasets.image_list import ClassList, first_words, read_class_list
from detector.datasets.problems import Problem, Report
from detector.datasets.xml.annotation import XmlRules, read_xml


@dataclass(frozen=True)
class TreeLayout:
    """Where the files of a split lie.

    Attributes
    ----------
    lists : Path
        Folder of the lists.
    annotations, pictures : Path
        Folders of ``{image_id}.xml`` and of the pictures.
    picture_suffix : str
        For example ``".jpg"``.
    rules : XmlRules
        How annotations are written.
    """

    lists: Path
    annotations: Path
    pictures: Path
    picture_suffix: str
    rules: XmlRules


class XmlTree(Dataset):
    """A data set with a list of images, an XML file an image, and lists of classes.

    Parameters
    ----------
    root : Path
    split : str
    source : Path
        What lists the images: the list, or the folder of the lists of classes.
    layout : TreeLayout
    numbers : mapping of str to int
        The images, and the number of each.
    classes : tuple of ObjectClass
    report : callable
        Is told of problems in lists that are read later.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        source: Path,
        layout: TreeLayout,
        numbers: Mapping[str, int],
        classes: tuple[ObjectClass, ...],
        report: Report,
    ) -> None:
        super().__init__(
            root,
            split,
            source,
            numbers,
            classes,
            labelled=layout.annotations.is_dir(),
        )
        self._layout = layout
        self._report = report
        self._key_by_name = {c.name: c.key for c in classes}

    def image_path(self, image_id: str) -> Path:
        """Return where the picture of that name lies."""
        return self._layout.pictures / f"{image_id}{self._layout.picture_suffix}"

    def annotation_path(self, image_id: str) -> Path:
        """Return where the annotation of that name lies."""
        return self._layout.annotations / f"{image_id}.xml"

    def class_list(self, object_class: ObjectClass) -> ClassList:
        """Return which images of the split hold a class, as the lists of the class say.

        Raises
        ------
        DatasetError
            If the class has no list, or a list is damaged.
        """
        files = self._class_files(object_class)
        if not files:
            raise DatasetError(
                f"{self._layout.lists}: holds no list of '{object_class.name}' in"
                f" '{self.split}': fetch the lists of the classes"
            )
        return read_class_list(files, self._report)

    def class_lists(self) -> Iterator[tuple[ObjectClass, ClassList]]:
        """Yield the lists of all classes that have one; each is read when asked."""
        for object_class in self.classes:
            if files := self._class_files(object_class):
                yield object_class, read_class_list(files, self._report)

    def unlisted_files(self) -> list[Path]:
        """Return annotation files that no list names, sorted."""
        folder = self._layout.annotations
        left = {path.relative_to(folder).with_suffix("").as_posix(): path for path in _xml(folder)}
        for image_id in self.image_ids:
            left.pop(image_id, None)
        if left:  # only then: the lists of a large data set take a while
            for name in first_words(sorted(self._layout.lists.glob("*.txt"))):
                left.pop(name, None)
        return sorted(left.values())

    def _examine(self, image_id: str, report: Report) -> ImageAnnotation | None:
        path = self.annotation_path(image_id)
        if not _is_there(path):
            return self._without_annotation(image_id, report)
        content = read_xml(path, self._layout.rules, report)
        if content is None:
            return None
        return ImageAnnotation(
            image_id=image_id,
            image_path=self.image_path(image_id),
            image_size=content.image_size,
            boxes_xyxy=content.boxes_xyxy,
            class_keys=tuple(self._key_by_name.get(name, name) for name in content.names),
            difficult=content.difficult,
        )

    def _without_annotation(self, image_id: str, report: Report) -> ImageAnnotation | None:
        """Return what is known of an image whose annotation is not there."""
        report(
            Problem(
                self.annotation_path(image_id),
                f"missing, but {self.source} names the image: fetch the file, or take the line"
                " off the list",
            )
        )
        return None

    @abstractmethod
    def _class_files(self, object_class: ObjectClass) -> dict[Path, str | None]:
        """Return the lists of a class that are there, as `read_class_list` takes them."""


def check_split_name(path: Path, split: str, *, found: bool, known: Iterable[str]) -> None:
    """Refuse a split whose list is not there, and name those that are."""
    if found and PurePosixPath(split).name == split:
        return
    raise DatasetError(
        f"{path}: no such list; {what_is_there(path.parent, known)}: choose a split of those"
    )


def what_is_there(folder: Path, names: Iterable[str] | None = None) -> str:
    """Say what a folder holds, for a message: these names, or all."""
    if not folder.is_dir():
        return f"{folder} is not there either"
    names = sorted({path.stem for path in folder.iterdir()} if names is None else names)
    text = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return f"{folder} holds {text or 'nothing'}"


def _xml(folder: Path) -> Iterable[Path]:
    return folder.rglob("*.xml") if folder.is_dir() else ()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # why it cannot be told, reading will tell
        return True
