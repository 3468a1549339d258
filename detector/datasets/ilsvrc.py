"""The tree in which ILSVRC DET is published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import overload

from detector.classes import ilsvrc_classes
from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.ilsvrc_xml import read_ilsvrc_xml


class IlsvrcDet(Sequence[ImageAnnotation]):
    """One labelled split of ILSVRC DET, in the order of its list; each annotation read when asked.

    The tree is ``ImageSets/DET/{split}.txt``, ``Annotations/DET/{split}/{image_id}.xml`` and
    ``Data/DET/{split}/{image_id}.JPEG``. A line of the list is ``image_id number``; a line
    without a number has its line number, from 1.

    Parameters
    ----------
    root : Path or str
        The folder that holds ``ImageSets``, ``Annotations`` and ``Data``.
    split : str
        For example ``"val"``.

    Attributes
    ----------
    root : Path
    split : str
    image_ids : tuple of str
        Names of the images; may hold folders.
    image_numbers : tuple of int
        The list's number of each image: ``image_id`` in official prediction files.
    classes : tuple of ObjectClass
        The 200 classes.

    Raises
    ------
    DatasetError
        If the tree lacks something or the list is damaged; on reading an item, if its
        annotation is missing or damaged.
    """

    def __init__(self, root: Path | str, split: str) -> None:
        self.root = Path(root)
        self.split = split
        list_path = _checked_tree(self.root, split)
        numbers = _read_image_list(list_path)
        self.image_ids = tuple(numbers)
        self.image_numbers = tuple(numbers.values())
        self.classes = ilsvrc_classes()
        self._number_by_id = numbers

    def __len__(self) -> int:
        return len(self.image_ids)

    @overload
    def __getitem__(self, index: int) -> ImageAnnotation: ...
    @overload
    def __getitem__(self, index: slice) -> list[ImageAnnotation]: ...
    def __getitem__(self, index: int | slice) -> ImageAnnotation | list[ImageAnnotation]:
        if isinstance(index, slice):
            return [self.read(image_id) for image_id in self.image_ids[index]]
        return self.read(self.image_ids[index])

    def read(self, image_id: str) -> ImageAnnotation:
        """Read the annotation of the image of that name."""
        self.number_of(image_id)
        path = self.root / "Annotations" / "DET" / self.split / f"{image_id}.xml"
        if not path.is_file():
            raise DatasetError(
                f"{path}: missing, but {self._list_name()} names the image: fetch the file, or"
                " take the line off the list"
            )
        content = read_ilsvrc_xml(path)
        return ImageAnnotation(
            image_id=image_id,
            image_path=self.root / "Data" / "DET" / self.split / f"{image_id}.JPEG",
            image_size=content.image_size,
            boxes_xyxy=content.boxes_xyxy,
            class_keys=content.wnids,
        )

    def number_of(self, image_id: str) -> int:
        """Return the number that the list gives to the image of that name."""
        if image_id not in self._number_by_id:
            raise DatasetError(f"{self._list_name()}: names no image '{image_id}'")
        return self._number_by_id[image_id]

    def _list_name(self) -> str:
        return f"ImageSets/DET/{self.split}.txt"


def _checked_tree(root: Path, split: str) -> Path:
    """Return the path of the split's list, once all that the split needs is seen to be there."""
    lists = root / "ImageSets" / "DET"
    list_path = lists / f"{split}.txt"
    if not lists.is_dir():
        raise DatasetError(
            f"{lists}: no such folder: give the root that holds ImageSets, Annotations and Data"
        )
    if PurePosixPath(split).name != split or not list_path.is_file():
        raise DatasetError(
            f"{list_path}: no such list; {_what_is_there(lists, '*.txt')}: choose a split of those"
        )
    for branch in ("Annotations", "Data"):
        folder = root / branch / "DET"
        if not (folder / split).is_dir():
            raise DatasetError(
                f"{folder / split}: no such folder; {_what_is_there(folder, '*')}: unpack the"
                f" labelled split '{split}' there"
            )
    return list_path


def _what_is_there(folder: Path, pattern: str) -> str:
    if not folder.is_dir():
        return f"{folder} is not there either"
    names = sorted(path.stem for path in folder.glob(pattern))
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return f"{folder} holds {shown or 'nothing'}"


def _read_image_list(path: Path) -> dict[str, int]:
    """Return the number of each image, in the order of the list."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}): fetch it again") from error
    numbers: dict[str, int] = {}
    line_of_number: dict[int, int] = {}
    for line_number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields:
            continue
        where = f"{path}, line {line_number}"
        image_id, number = _read_list_line(fields, line_number, where)
        if image_id in numbers:
            raise DatasetError(f"{where}: names '{image_id}' again: name each image once")
        if number in line_of_number:
            raise DatasetError(
                f"{where}: number {number} was given to another image on line"
                f" {line_of_number[number]}: number each image once"
            )
        numbers[image_id] = number
        line_of_number[number] = line_number
    return numbers


def _read_list_line(fields: list[str], line_number: int, where: str) -> tuple[str, int]:
    image_id = fields[0]
    # A list from a stranger must not lead out of the tree.
    if image_id.startswith("/") or "\\" in image_id or ".." in image_id.split("/"):
        raise DatasetError(f"{where}: '{image_id}' leads out of the tree: give the image's name")
    if len(fields) == 1:
        return image_id, line_number
    number = fields[1]
    if len(fields) > 2 or not (number.isascii() and number.isdigit() and len(number) < 10):
        raise DatasetError(
            f"{where}: must be 'image_id number', but is '{' '.join(fields)[:80]}': the lists"
            " for images of one class (1, 0, -1) are not such lists"
        )
    return image_id, int(number)
