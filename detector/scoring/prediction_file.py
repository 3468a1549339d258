"""The prediction file of ILSVRC DET.

One detection a line, ``image_id det_id confidence xmin ymin xmax ymax``, where ``image_id``
is the number of the image in its list and the pixels ``xmax`` and ``ymax`` belong to the box.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

import numpy as np

from detector.classes import ObjectClass, ilsvrc_classes
from detector.scoring.image_index import ImageIndex, ScoringFileError
from detector.scoring.records import DoubleArray, IntArray, Predictions
from foundation.files import whole_file

_FIELDS: Final = ("image_id", "det_id", "confidence", "xmin", "ymin", "xmax", "ymax")
_BLOCK_LINES: Final = 1 << 16


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
        If the file cannot be read or a line is not as described; names the line.
    """
    path = Path(path)
    known = np.array([c.id for c in (ilsvrc_classes() if classes is None else classes)], np.int64)
    # Whatever is wrong with the file, or unusual, is found and named by going line by line.
    with suppress(OSError, ValueError):
        return _read_plain(path, images, known)
    return _read_lines(path, images, known)


def _read_plain(path: Path, images: ImageIndex, known_class_ids: IntArray) -> Predictions:
    """Read a file with one space between fields, which is what tools write: quickly.

    Raises
    ------
    OSError, ValueError
        If the file is another one. It may be right all the same.
    """
    from pyarrow import OSFile, csv, dictionary, float64, int32, string

    types = {name: float64() for name in _FIELDS} | {"image_id": dictionary(int32(), string())}
    with OSFile(str(path)) as file:
        table = csv.read_csv(
            file,
            csv.ReadOptions(column_names=_FIELDS),
            csv.ParseOptions(delimiter=" ", quote_char=False),
            csv.ConvertOptions(column_types=types, null_values=[]),
        )
    image_ids = table.unify_dictionaries()["image_id"].combine_chunks()
    indices = images.indices_of(image_ids.dictionary.to_pylist())
    numbers = {name: table[name].to_numpy() for name in _FIELDS[1:]}
    if not all(_are_finite(column) for column in numbers.values()):
        raise ValueError("a number is not finite")
    return _checked(indices[image_ids.indices.to_numpy()], numbers, known_class_ids)


def _read_lines(path: Path, images: ImageIndex, known_class_ids: IntArray) -> Predictions:
    blocks = [_parse([], images, known_class_ids)]
    try:
        with path.open(encoding="utf-8-sig") as file:
            for first_line, lines in _blocks(file):
                try:
                    blocks.append(_parse(lines, images, known_class_ids))
                except ValueError as error:
                    raise _located(path, first_line, lines, images, known_class_ids) from error
    except OSError as error:
        raise ScoringFileError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ScoringFileError(f"{path}: not a text file in UTF-8") from error
    return Predictions(
        np.concatenate([block.image_indices for block in blocks]),
        np.concatenate([block.class_ids for block in blocks]),
        np.concatenate([block.boxes_xyxy for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
    )


def _blocks(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines by the block, each with the number of its first line, from 1."""
    first_line = 1
    while lines := list(islice(file, _BLOCK_LINES)):
        yield first_line, lines
        first_line += len(lines)


def _located(
    path: Path, first_line: int, lines: list[str], images: ImageIndex, known: IntArray
) -> ScoringFileError:
    """Return the error of the first line that is wrong by itself."""
    for line_number, line in enumerate(lines, first_line):
        try:
            _parse([line], images, known)
        except ValueError as error:
            return ScoringFileError(f"{path}, line {line_number}: {error}")
    raise AssertionError("a block is wrong only if one of its lines is")


def _parse(lines: list[str], images: ImageIndex, known_class_ids: IntArray) -> Predictions:
    """Parse lines together, which is quick; of blank ones nothing remains."""
    rows = [fields for line in lines if (fields := line.split())]
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return Predictions(empty, empty, np.zeros((0, 4), np.float32), np.zeros(0))
    if any(len(row) != len(_FIELDS) for row in rows):
        raise ValueError(f"must be '{' '.join(_FIELDS)}', but is '{lines[0].strip()[:100]}'")
    columns = dict(zip(_FIELDS, zip(*rows, strict=True), strict=True))
    numbers = {name: _numbers(columns, name) for name in _FIELDS[1:]}
    return _checked(images.indices_of(columns["image_id"]), numbers, known_class_ids)


def _numbers(columns: dict[str, tuple[str, ...]], name: str) -> DoubleArray:
    column = columns[name]
    joined = "".join(column)
    try:
        values = np.array([float(text) for text in column])
        # float() would also take 1_000 and digits of other scripts.
        strict = "_" not in joined and joined.isascii()
    except ValueError:
        strict = False
    if not strict or not _are_finite(values):
        raise ValueError(f"{name} must be a finite number, but is '{column[0][:40]}'")
    return values


def _are_finite(values: DoubleArray) -> bool:
    """Return whether none is nan, infinite, or beyond float32, where there is no box."""
    return bool((np.abs(values) <= np.finfo(np.float32).max).all())


def _checked(
    image_indices: IntArray, numbers: Mapping[str, DoubleArray], known_class_ids: IntArray
) -> Predictions:
    """Return lines as predictions; an error names the first of them, wrong or not."""
    class_ids = numbers["det_id"]
    if not np.isin(class_ids, known_class_ids).all():
        raise ValueError(f"det_id must be that of a known class, but is {class_ids[0]:.9g}")
    inclusive = np.stack([numbers[name] for name in _FIELDS[3:]], axis=1)  # (D, 4)
    # A box less than a pixel wide has xmax < xmin: its last pixel is cut, too.
    if (inclusive[:, 2:] + 1 < inclusive[:, :2]).any():
        raise ValueError("xmin must not exceed xmax, nor ymin ymax: correct the box")
    return Predictions(
        image_indices,
        class_ids.astype(np.int64),
        (inclusive + np.array([0, 0, 1, 1])).astype(np.float32),
        numbers["confidence"],
    )
