"""Detections as a table, one row a detection: for spreadsheets and pandas.

=================== ==============================================================================
image               the picture or video, as it was named
frame, seconds      place in the video, from 0, and when it is shown; empty for a picture
width, height       of the picture, in pixels
class, wnid, det_id name, WordNet id (empty where there is none) and number of the class
score               from 0 to 1
xmin, ymin          the box's first column and row, in pixels from 0
xmax, ymax          the first ones outside, so that ``xmax - xmin`` is the width
=================== ==============================================================================

Numbers are those of the JSON (`detector.detections.coco_json`). Texts stand in quotes. A program
that shows tables takes a cell that begins with ``=``, for one, for a formula, and names come from
strangers: a file called ``=1+1.jpg`` is written ``./=1+1.jpg``, which is the same file, and a
class of such a name with ``'`` before it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from detector.detections.results import Detections, VideoFrame
from foundation.files import whole_file

CSV_COLUMNS: Final = (
    "image", "frame", "seconds", "width", "height", "class", "wnid", "det_id", "score",
    "xmin", "ymin", "xmax", "ymax",
)  # fmt: skip

_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide ones count, too

AddToTable = Callable[[str | VideoFrame, Detections], None]


@contextmanager
def csv_table(path: Path) -> Iterator[AddToTable]:
    """Give a function that adds an image's rows; the file appears when the block succeeds.

    Rows are written as they come, so that the memory does not grow with them. The text is UTF-8;
    what of a file's name is no text is written as a backslash and a number.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        table = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        table.writerow(CSV_COLUMNS)

        def add(name: str | VideoFrame, detections: Detections) -> None:
            table.writerows(_rows(name, detections))

        yield add


def _rows(name: str | VideoFrame, detections: Detections) -> Iterator[list[Any]]:
    image: tuple[str, int | None, float | None]
    height, width = detections.image_size
    if isinstance(name, VideoFrame):
        image = (_inert(name.file_name, "./"), name.frame, round(name.seconds, 3))
    else:
        image = (_inert(name, "./"), None, None)
    for box, score, label in zip(
        detections.boxes_xyxy.tolist(), detections.scores.tolist(), detections.labels, strict=True
    ):
        one = detections.classes[label]
        yield [
            *(*image, width, height),
            *(_inert(one.name, "'"), _inert(one.wnid, "'"), one.id, round(score, 7)),
            *(round(edge, 3) for edge in box),
        ]


def _inert(text: str, mark: str) -> str:
    return mark + text if text.startswith(_BEGINS_A_FORMULA) else text
