"""Lists of images: those of a split, and those that say which of them hold a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from detector.datasets.annotation import DatasetError
from detector.datasets.problems import Problem, ProblemError, Report, refuse
from detector.datasets.reading.text_file import leads_astray, read_text, shown

_MAX_BYTES: Final = 1 << 28  # of a list; ILSVRC's longest names half a million images


def read_image_list(path: Path, report: Report = refuse) -> dict[str, int]:
    """Return the number of each image of a split, in the order of the list.

    A line is ``image_id number``; a line without a number has its line number, from 1.

    Raises
    ------
    DatasetError
        If the file cannot be read.
    """
    numbers: dict[str, int] = {}
    line_of_number: dict[int, int] = {}
    for line_number, line in enumerate(read_text(path, _MAX_BYTES).splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        image_id, number, wrong = _read_line(fields, line_number)
        if not wrong and image_id in numbers:
            wrong = f"names {shown(image_id)} again: name each image once"
        if not wrong and number in line_of_number:
            wrong = (
                f"number {number} was given to another image on line {line_of_number[number]}:"
                " number each image once"
            )
        if wrong:
            report(Problem(path, wrong, line_number))
            continue
        numbers[image_id] = number
        line_of_number[number] = line_number
    return numbers


def _read_line(fields: list[str], line_number: int) -> tuple[str, int, str]:
    """Return an image, its number, and what is wrong with the line, if anything."""
    image_id = fields[0]
    if leads_astray(image_id):
        return image_id, 0, f"{shown(image_id)} leads out of the tree: give the image's name"
    if len(fields) == 1:
        return image_id, line_number, ""
    number = fields[1]
    if len(fields) > 2 or not (number.isascii() and number.isdigit() and len(number) < 10):
        wrong = (
            f"must be 'image_id number', but is {shown(' '.join(fields))}: the lists for images of"
            " one class (1, 0, -1) are not such lists"
        )
        return image_id, 0, wrong
    return image_id, int(number), ""


@dataclass(frozen=True)
class ClassList:
    """Which images hold objects of one class.

    Attributes
    ----------
    positive : tuple of str
        Images that hold the class. In ILSVRC each of its objects there has a box.
    partial : tuple of str
        ILSVRC: images that hold it, but not each of its objects has a box. VOC: images whose
        objects of the class are all difficult.
    negative : tuple of str
        Images that do not hold it.
    """

    positive: tuple[str, ...]
    partial: tuple[str, ...]
    negative: tuple[str, ...]


LABELS: Final = MappingProxyType({"1": "positive", "0": "partial", "-1": "negative"})


def read_class_list(files: Mapping[Path, str | None], report: Report = refuse) -> ClassList:
    """Read the lists of one class.

    Parameters
    ----------
    files : mapping of Path to str or None
        Each file with the label that all its images have, ``"1"``, ``"0"`` or ``"-1"``; None
        where each line says it. A line is ``image_id`` or ``image_id label``.
    report : callable
        Is told of files that cannot be read and of lines that are wrong.
    """
    label_of: dict[str, str] = {}
    for path, label in files.items():
        try:
            lines = read_text(path, _MAX_BYTES).splitlines()
        except ProblemError as error:
            report(error.problem)
            continue
        for line_number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields:
                continue
            if wrong := _wrong_label(fields, label) or _said_before(fields[0], label_of):
                report(Problem(path, wrong, line_number))
                continue
            label_of[fields[0]] = label or fields[1]
    return ClassList(*(_of_label(label_of, label) for label in LABELS))


def _wrong_label(fields: list[str], label: str | None) -> str:
    if leads_astray(fields[0]):
        return f"{shown(fields[0])} leads out of the tree: give the image's name"
    allowed = tuple(LABELS) if label is None else (label,)
    if (len(fields) == 1 and label is not None) or (len(fields) == 2 and fields[1] in allowed):
        return ""
    wanted = " or ".join(allowed)
    return f"must be 'image_id' and {wanted}, but is {shown(' '.join(fields))}: correct it"


def _said_before(image_id: str, label_of: Mapping[str, str]) -> str:
    if image_id not in label_of:
        return ""
    return f"names {shown(image_id)}, which was {LABELS[label_of[image_id]]} before: name it once"


def _of_label(label_of: Mapping[str, str], label: str) -> tuple[str, ...]:
    return tuple(image_id for image_id, found in label_of.items() if found == label)


def first_words(paths: Iterable[Path]) -> Iterable[str]:
    """Return the names that begin the lines of lists, whatever else a line says."""
    for path in paths:
        try:
            lines = read_text(path, _MAX_BYTES).splitlines()
        except DatasetError:  # then it names nothing
            continue
        for line in lines:
            yield from line.split(maxsplit=1)[:1]
