"""Strict and safe reading of one annotation file in the XML of PASCAL VOC and ILSVRC DET.

These files may come from strangers. A document type is refused before the parser sees it:
without one there are no entities beyond the five of XML itself, hence nothing that expands
or reaches for other files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from detector.datasets.problems import Problem, ProblemError, Report, refuse
from detector.datasets.reading.borders import MAX_SIDE, Box, lies_outside
from detector.datasets.reading.text_file import read_text

MAX_BYTES: Final = 1 << 20  # several thousand objects
MAX_DEPTH: Final = 32
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,20})?")


@dataclass(frozen=True)
class XmlRules:
    """In what the files of two data sets differ.

    Attributes
    ----------
    first_pixel : {0, 1}
        What the leftmost and the topmost pixel are called.
    name : pattern
        What names of classes look like.
    kind_of_name : str
        The same, for messages.
    """

    first_pixel: int
    name: re.Pattern[str]
    kind_of_name: str


ILSVRC_RULES: Final = XmlRules(0, re.compile(r"n[0-9]{8}"), "a WordNet id such as n02958343")
VOC_RULES: Final = XmlRules(
    1, re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,100}"), "a class such as car"
)


@dataclass(frozen=True, eq=False)
class XmlAnnotation:
    """Content of one file.

    Attributes
    ----------
    image_size : (int, int)
        Height and width in pixels.
    boxes_xyxy : (G, 4) float32
        0-based, exclusive right and bottom edge; may leave the image.
    names : tuple of str, length G
        As the file calls the classes.
    difficult : tuple of bool, length G
    """

    image_size: tuple[int, int]
    boxes_xyxy: NDArray[np.float32]
    names: tuple[str, ...]
    difficult: tuple[bool, ...]


def read_xml(path: Path, rules: XmlRules, report: Report = refuse) -> XmlAnnotation | None:
    """Read one annotation file.

    Pixels in the file are whole ones, the last one included. A box that leaves the image stays
    as it stands there: the devkits never read <size>.

    Parameters
    ----------
    path : Path
    rules : XmlRules
    report : callable
        Is told if the file cannot be read, is larger than 1 MiB, declares a document type, is
        not well-formed XML in UTF-8, is nested deeply, or lacks an element; if a value is not
        what it must be, or a box lies wholly outside the image.

    Returns
    -------
    XmlAnnotation or None
        Without the objects that were reported; None if the image's size is not known.
    """
    try:
        root = _parse(path)
    except ProblemError as error:
        report(error.problem)
        return None
    file = _File(path, report)
    image_size = _image_size(file, root)
    objects = [
        found
        for number, element in enumerate(root.findall("object"), 1)
        if (found := _object(file, element, f"object {number}", rules, image_size)) is not None
    ]
    if image_size is None:
        return None
    names, boxes, difficult = zip(*objects, strict=True) if objects else ((), (), ())
    return XmlAnnotation(
        image_size, np.array(boxes, dtype=np.float32).reshape(-1, 4), names, difficult
    )


def _parse(path: Path) -> ET.Element:
    text = read_text(path, MAX_BYTES)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        refuse(Problem(path, "declares a document type or an entity: remove <!DOCTYPE ...>"))
    try:
        # A str is taken as it is, whatever encoding its header claims.
        root = ET.fromstring(text)  # noqa: S314 - no document type can be in it, see above
    except (ET.ParseError, ValueError) as error:
        refuse(Problem(path, f"not well-formed XML ({error}): fetch it again"))
    level: list[ET.Element] = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
    if level:
        refuse(Problem(path, f"nested deeper than {MAX_DEPTH} levels: no annotation is"))
    if root.tag != "annotation":
        wrong = f"the outer element must be <annotation>, but is <{root.tag[:40]}>"
        refuse(Problem(path, f"{wrong}: put an annotation there"))
    return root


class _File:
    """A file that is being read: elements of it, None where they are wrong, which is reported."""

    def __init__(self, path: Path, report: Report) -> None:
        self._path = path
        self._report = report

    def wrong(self, what: str) -> None:
        self._report(Problem(self._path, what))

    def child(self, parent: ET.Element, tag: str, where: str) -> ET.Element | None:
        found: Sequence[ET.Element] = parent.findall(tag)
        if len(found) != 1:
            problem = "is missing" if not found else f"stands there {len(found)} times"
            self.wrong(f"<{tag}> {problem} in {where}: it must stand there once")
            return None
        return found[0]

    def text(self, parent: ET.Element, tag: str, where: str) -> str | None:
        found = self.child(parent, tag, where)
        return None if found is None else (found.text or "").strip()

    def number(self, parent: ET.Element, tag: str, where: str) -> float | None:
        text = self.text(parent, tag, where)
        if text is None:
            return None
        if _NUMBER.fullmatch(text) is None:
            self.wrong(f"<{tag}> of {where} must be a number, but is {text[:40]!r}: correct it")
            return None
        return float(text)


def _image_size(file: _File, root: ET.Element) -> tuple[int, int] | None:
    size = file.child(root, "size", "annotation")
    if size is None:
        return None
    height, width = _side(file, size, "height"), _side(file, size, "width")
    return None if height is None or width is None else (height, width)


def _side(file: _File, size: ET.Element, tag: str) -> int | None:
    side = file.number(size, tag, "<size>")
    if side is None:
        return None
    if not (1 <= side <= MAX_SIDE and side.is_integer()):
        file.wrong(
            f"<{tag}> of <size> must be a whole number from 1 to {MAX_SIDE}, but is"
            f" {side:g}: write the size of the picture there"
        )
        return None
    return int(side)


def _object(
    file: _File,
    element: ET.Element,
    where: str,
    rules: XmlRules,
    image_size: tuple[int, int] | None,
) -> tuple[str, Box, bool] | None:
    name = _name(file, element, where, rules)
    box = _box(file, element, where, rules, image_size)
    difficult = _difficult(file, element, where)
    return None if name is None or box is None or difficult is None else (name, box, difficult)


def _name(file: _File, element: ET.Element, where: str, rules: XmlRules) -> str | None:
    text = file.text(element, "name", where)
    if text is None:
        return None
    if rules.name.fullmatch(text) is None:
        file.wrong(
            f"<name> of {where} must be {rules.kind_of_name}, but is {text[:40]!r}:"
            " translate the names"
        )
        return None
    return text


def _difficult(file: _File, element: ET.Element, where: str) -> bool | None:
    if element.find("difficult") is None:
        return False
    text = file.text(element, "difficult", where)
    if text is not None and text not in {"0", "1"}:
        file.wrong(f"<difficult> of {where} must be 0 or 1, but is {text[:40]!r}: correct it")
        return None
    return None if text is None else text == "1"


def _box(
    file: _File,
    element: ET.Element,
    where: str,
    rules: XmlRules,
    image_size: tuple[int, int] | None,
) -> Box | None:
    bndbox = file.child(element, "bndbox", where)
    if bndbox is None:
        return None
    xmin = file.number(bndbox, "xmin", where)
    ymin = file.number(bndbox, "ymin", where)
    xmax = file.number(bndbox, "xmax", where)
    ymax = file.number(bndbox, "ymax", where)
    if xmin is None or ymin is None or xmax is None or ymax is None:
        return None
    inverted = [(a, p, q) for a, p, q in (("x", xmin, xmax), ("y", ymin, ymax)) if p > q]
    for axis, low, high in inverted:
        file.wrong(
            f"{axis}min of {where} must not exceed {axis}max, but {low:g} > {high:g}:"
            " correct the box"
        )
    if inverted or image_size is None:
        return None
    first = rules.first_pixel
    box = (xmin - first, ymin - first, xmax - first + 1, ymax - first + 1)
    if lies_outside(box, image_size):
        file.wrong(
            f"the box of {where}, ({xmin:g}, {ymin:g}, {xmax:g}, {ymax:g}), lies outside"
            f" the image of {image_size[1]} x {image_size[0]} pixels: correct the box or <size>"
        )
        return None
    return box
