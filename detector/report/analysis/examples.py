"""Which of the many objects and detections are shown, so that every count can be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from detector.report.analysis.occurrences import Cell, Occurrences
from detector.scoring.records import IntArray

MOST_EXAMPLES: Final = 300
"""Pictures of a page; more would make it too large to send."""
_PER_CELL: Final = 3


def choose_examples(
    occurrences: Occurrences,
    places: IntArray,
    *,
    most: int = MOST_EXAMPLES,
    per_cell: int = _PER_CELL,
) -> dict[Cell, list[int]]:
    """Choose rows to show, by cell; of one cell each is of another image.

    First each class has its commonest error, then each cell of the matrix that is shown its
    commonest one of all classes, and what room is left goes to further ones of the same cells.

    Parameters
    ----------
    occurrences : Occurrences
    places : (C + 1,) int64
        Where each class, and the last row, stands in the matrix that is shown.
    most : int
        Of all rows together.
    per_cell : int
    """
    counts = occurrences.counts
    order = np.argsort(-counts, axis=None, kind="stable")[: np.count_nonzero(counts)]
    rows, columns = np.unravel_index(order, counts.shape)
    cells = list(zip(rows.tolist(), columns.tolist(), strict=True))
    first = dict.fromkeys([*_of_each_class(cells, len(counts) - 1), *_of_shown(cells, places)])
    candidates = {
        cell: list(_of_other_images(occurrences, cell, per_cell)) for cell in list(first)[:most]
    }
    chosen: dict[Cell, list[int]] = {cell: [] for cell in candidates}
    room = most
    for turn in range(per_cell):
        for cell, found in candidates.items():
            if turn < len(found) and room > 0:
                chosen[cell].append(found[turn])
                room -= 1
    return chosen


def owner_of(cell: Cell, background: int) -> int:
    """Return the place of the class whose gallery shows a cell: of what is there, if anything."""
    return cell[1] if cell[0] == background else cell[0]


def _of_each_class(cells: Iterable[Cell], background: int) -> Iterator[Cell]:
    """Yield the first cell of each class, a right one only where it has no other."""
    seen: set[int] = set()
    for cell in sorted(cells, key=lambda one: one[0] == one[1]):
        owner = owner_of(cell, background)
        if owner not in seen:
            seen.add(owner)
            yield cell


def _of_shown(cells: Iterable[Cell], places: IntArray) -> Iterator[Cell]:
    """Yield the first of the cells that stand in one cell of the matrix that is shown."""
    seen: set[Cell] = set()
    for cell in cells:
        shown = shown_cell(cell, places)
        if shown not in seen:
            seen.add(shown)
            yield cell


def shown_cell(cell: Cell, places: IntArray) -> Cell:
    """Return where a cell stands in the matrix that is shown."""
    return int(places[cell[0]]), int(places[cell[1]])


def _of_other_images(occurrences: Occurrences, cell: Cell, most: int) -> Iterator[int]:
    seen: set[int] = set()
    for row in occurrences.rows_of(cell):
        if len(seen) == most:
            return
        image = int(occurrences.images[row])
        if image not in seen:
            seen.add(image)
            yield row
