"""Writing of annotation files in the XML that VOC and ILSVRC DET share."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from detector.datasets.annotation import ImageAnnotation

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


def shortest_decimal(value: np.float32) -> Decimal:
    """Return the shortest decimal number that is read as the same float32 again."""
    return Decimal(str(value))


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
