"""Strict and safe reading of one annotation file of ILSVRC DET.

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

from detector.datasets.annotation import DatasetError

MAX_BYTES: Final = 1 << 20  # several thousand objects
MAX_SIDE: Final = 65_535  # the JPEG format knows no longer side
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_WNID: Final = re.compile(r"n[0-9]{8}")


@dataclass(frozen=True, eq=False)
class XmlAnnotation:
    """Content of one file: ``image_size`` (height, width), ``boxes_xyxy`` (G, 4), ``wnids``."""

    image_size: tuple[int, int]
    boxes_xyxy: NDArray[np.float32]
    wnids: tuple[str, ...]


def read_ilsvrc_xml(path: Path) -> XmlAnnotation:
    """Read one annotation file.

    Coordinates in the file are 0-based pixels, the last one included; those returned have an
    exclusive right and bottom edge. A box that leaves the image is cut at its border.

    Raises
    ------
    DatasetError
        If the file cannot be read, is larger than 1 MiB, declares a document type, is not
        well-formed XML in UTF-8, or lacks an element; if a value is not what it must be, or
        a box lies wholly outside the image.
    """
    root = _parse(path)
    size = _child(path, root, "size", "annotation")
    image_size = (_side(path, size, "height"), _side(path, size, "width"))
    objects = root.findall("object")
    wnids = tuple(_wnid(path, element, f"object {i}") for i, element in enumerate(objects, 1))
    boxes = [_box(path, element, f"object {i}", image_size) for i, element in enumerate(objects, 1)]
    return XmlAnnotation(image_size, np.array(boxes, dtype=np.float32).reshape(-1, 4), wnids)


def _parse(path: Path) -> ET.Element:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}): see to the file") from error
    if len(content) > MAX_BYTES:
        raise DatasetError(f"{path}: larger than {MAX_BYTES} bytes: not an annotation of ILSVRC")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DatasetError(f"{path}: declares a document type or an entity: remove <!DOCTYPE ...>")
    try:
        # A str is taken as it is, whatever encoding its header claims.
        root = ET.fromstring(text)  # noqa: S314 - no document type can be in it, see above
    except (ET.ParseError, ValueError) as error:
        raise DatasetError(f"{path}: not well-formed XML ({error}): fetch it again") from error
    if root.tag != "annotation":
        raise DatasetError(f"{path}: the outer element must be <annotation>, but is <{root.tag}>")
    return root


def _child(path: Path, parent: ET.Element, tag: str, where: str) -> ET.Element:
    found: Sequence[ET.Element] = parent.findall(tag)
    if len(found) != 1:
        problem = "is missing" if not found else f"stands there {len(found)} times"
        raise DatasetError(f"{path}: <{tag}> {problem} in {where}: it must stand there once")
    return found[0]


def _text(path: Path, parent: ET.Element, tag: str, where: str) -> str:
    return (_child(path, parent, tag, where).text or "").strip()


def _number(path: Path, parent: ET.Element, tag: str, where: str) -> float:
    text = _text(path, parent, tag, where)
    if _NUMBER.fullmatch(text) is None:
        raise DatasetError(f"{path}: <{tag}> of {where} must be a number, but is {text[:40]!r}")
    return float(text)


def _side(path: Path, size: ET.Element, tag: str) -> int:
    side = _number(path, size, tag, "<size>")
    if not (1 <= side <= MAX_SIDE and side.is_integer()):
        raise DatasetError(
            f"{path}: <{tag}> of <size> must be a whole number from 1 to {MAX_SIDE}, but is"
            f" {side:g}: write the size of the picture there"
        )
    return int(side)


def _wnid(path: Path, element: ET.Element, where: str) -> str:
    text = _text(path, element, "name", where)
    if _WNID.fullmatch(text) is None:
        raise DatasetError(
            f"{path}: <name> of {where} must be a WordNet id such as n02958343, but is"
            f" {text[:40]!r}: translate the names"
        )
    return text


def _box(
    path: Path, element: ET.Element, where: str, image_size: tuple[int, int]
) -> tuple[float, float, float, float]:
    bndbox = _child(path, element, "bndbox", where)
    xmin, ymin, xmax, ymax = (
        _number(path, bndbox, tag, where) for tag in ("xmin", "ymin", "xmax", "ymax")
    )
    for axis, low, high in (("x", xmin, xmax), ("y", ymin, ymax)):
        if low > high:
            raise DatasetError(
                f"{path}: {axis}min of {where} must not exceed {axis}max, but {low:g} > {high:g}:"
                " correct the box"
            )
    height, width = image_size
    x1, x2 = max(xmin, 0), min(xmax + 1, width)
    y1, y2 = max(ymin, 0), min(ymax + 1, height)
    if x1 >= x2 or y1 >= y2:
        raise DatasetError(
            f"{path}: the box of {where}, ({xmin:g}, {ymin:g}, {xmax:g}, {ymax:g}), lies outside"
            f" the image of {width} x {height} pixels: correct the box or <size>"
        )
    return x1, y1, x2, y2
