"""The prediction file of ILSVRC DET.

One detection a line, ``image_id det_id confidence xmin ymin xmax ymax``, where ``image_id``
is the number of the image in its list and the pixels ``xmax`` and ``ymax`` belong to the box.
A file that gzip packed is read like any, as long as it unpacks to 1 GiB at most.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from detector.classes import ObjectClass, ilsvrc_classes
from detector.datasets.annotation import DatasetError
from detector.datasets.reading.packed import open_unpacked
from detector.datasets.reading.text_file import filled_lines, shown
from detector.scoring.files.image_index import ImageIndex, ScoringFileError
from detector.scoring.records import BoolArray, IntArray, Predictions
from foundation.files import whole_file

_FIELDS: Final = ("image_id", "det_id", "confidence", "xmin", "ymin", "xmax", "ymax")
_ROW: Final = np.dtype([("image", np.int64), *((name, np.float64) for name in _FIELDS[1:])])
_LARGEST: Final = float(np.finfo(np.float32).max)  # beyond it there is no box
_BLOCK_LINES: Final = 1 << 16  # written at a time
_MAX_UNPACKED: Final = 1 << 30  # bytes; some 25 million detections


def write_predictions(path: Path | str, predictions: Predictions, images: ImageIndex) -> None:
    """Write a prediction file; it appears only when it is complete.

    Numbers have nine significant digits: enough to tell any two float32 apart.
    """
    inclusive = predictions.boxes_xyxy.astype(np.float64)  # (D, 4)
    inclusive[:, 2:] -= 1
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for start in range(0, len(predictions), _BLOCK_LINES):
            block = slice(start, start + _BLOCK_LINES)
            rows = zip(
                predictions.image_indices[block].tolist(),
                predictions.class_ids[block].tolist(),
                predictions.scores[block].tolist(),
                inclusive[block].tolist(),
                strict=True,
            )
            file.writelines(
                f"{images.image_numbers[image]} {class_id} {confidence:.9g}"
                f" {xmin:.9g} {ymin:.9g} {xmax:.9g} {ymax:.9g}\n"
                for image, class_id, confidence, (xmin, ymin, xmax, ymax) in rows
            )


def read_predictions(
    path: Path | str, images: ImageIndex, classes: Sequence[ObjectClass] | None = None
) -> Predictions:
    """Read a prediction file; the order of the lines is kept.

    Parameters
    ----------
    path : Path or str
    images : ImageIndex
        The images that the file may speak of, by number or by name.
    classes : sequence of ObjectClass, optional
        The classes that it may speak of; ILSVRC's 200 when left out.

    Raises
    ------
    ScoringFileError
        If the file cannot be read, unpacks to more than 1 GiB, or a line is not as described or
        longer than 1,000 characters; names the line.
    """
    path = Path(path)
    known = np.array([c.id for c in (ilsvrc_classes() if classes is None else classes)], np.int64)
    try:
        with _open_text(path) as file:
            table = _parse(path, file, images)
        for keeps_rule, name, rule in _rules(table, known):
            if not keeps_rule.all():
                raise _refusal(path, int(keeps_rule.argmin()), name, rule)
    except OSError as error:
        raise ScoringFileError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ScoringFileError(f"{path}: not a text file in UTF-8") from error
    except DatasetError as error:  # of a packed file
        raise ScoringFileError(str(error)) from error
    inclusive = np.stack([table[name] for name in _FIELDS[3:]], axis=1)  # (D, 4)
    return Predictions(
        table["image"],
        table["det_id"].astype(np.int64),
        (inclusive + np.array([0, 0, 1, 1])).astype(np.float32),
        table["confidence"],
    )


def _open_text(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_unpacked(path, _MAX_UNPACKED), encoding="utf-8-sig")


class _Rows:
    """The lines of a file that are not blank, and which of them was the last to be asked for."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._numbered = filled_lines(path, file)
        self.number = 0
        self.line = ""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        self.number, self.line = next(self._numbered)
        return self.line


def _parse(path: Path, file: TextIO, images: ImageIndex) -> NDArray[np.void]:
    """Return the rows (D,) of a file, whose numbers may still be any."""
    rows = _Rows(path, file)
    if (first := next(rows, None)) is None:
        return np.zeros(0, _ROW)
    try:
        return np.loadtxt(
            chain([first], rows),
            _ROW,
            comments=None,
            converters={0: images.index_of},
            encoding="utf-8",
            ndmin=1,
        )
    except (UnicodeDecodeError, DatasetError):
        raise
    except ValueError as error:
        problem = _problem_of(rows.line, images)
        raise ScoringFileError(f"{path}, line {rows.number}: {problem}") from error


def _problem_of(line: str, images: ImageIndex) -> str:
    """Return why a line cannot be parsed."""
    fields = line.split()
    if len(fields) == len(_FIELDS):
        try:
            images.index_of(fields[0])
        except ValueError as error:
            return str(error)
        for name, text in zip(_FIELDS[1:], fields[1:], strict=True):
            if not _is_number(text):
                return f"{name} must be a finite number, but is {shown(text)}"
    return f"must be '{' '.join(_FIELDS)}', but is {shown(line.strip())}"


def _is_number(text: str) -> bool:
    try:
        np.loadtxt([text], np.float64, comments=None)
    except ValueError:
        return False
    return True


def _rules(
    table: NDArray[np.void], known_class_ids: IntArray
) -> Iterator[tuple[BoolArray, str, str]]:
    """Yield which rows (D,) keep a rule, the field that it is about, and the rule."""
    for name in _FIELDS[1:]:
        yield np.abs(table[name]) <= _LARGEST, name, "a finite number"
    yield np.isin(table["det_id"], known_class_ids), "det_id", "that of a known class"
    for low, high in (("xmin", "xmax"), ("ymin", "ymax")):
        # A box less than a pixel wide has xmax < xmin: its last pixel is cut, too.
        yield table[high] + 1 >= table[low], high, f"{low} or more"


def _refusal(path: Path, row: int, name: str, rule: str) -> ScoringFileError:
    """Return the error of a row, counted from 0, that breaks a rule."""
    with _open_text(path) as file:
        rows = _Rows(path, file)
        for _, line in zip(range(row + 1), rows, strict=False):
            text = line.split()[_FIELDS.index(name)]
    return ScoringFileError(
        f"{path}, line {rows.number}: {name} must be {rule}, but is {shown(text)}"
    )
