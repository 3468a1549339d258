"""Which classes are taken for which others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detector.report.analysis.matches import Matches
from detector.report.analysis.occurrences import find_occurrences
from detector.scoring.records import IntArray


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often an object of one class is detected as another.

    Attributes
    ----------
    class_ids : tuple of int
        C classes.
    counts : (C + 1, C + 1) int64
        Rows are what is there: the classes in their order, then background. Columns are what
        is detected: the classes, then missed. The last element, background that is missed, is
        0. A row of a class sums to its objects, a column of one to its detections.
    """

    class_ids: tuple[int, ...]
    counts: IntArray

    def strongest(self, number: int) -> list[tuple[int, int, int]]:
        """Return the commonest confusions of two classes: id there, id detected, count."""
        inner = self.counts[:-1, :-1].copy()
        np.fill_diagonal(inner, 0)
        order = np.argsort(-inner, axis=None, kind="stable")[:number]
        rows, columns = np.unravel_index(order, inner.shape)
        return [
            (self.class_ids[row], self.class_ids[column], int(inner[row, column]))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if inner[row, column]
        ]

    def most_confused(self, number: int) -> list[int]:
        """Return the ids of the classes that take part in most confusions, in their order."""
        inner = self.counts[:-1, :-1].copy()
        np.fill_diagonal(inner, 0)
        confused = inner.sum(axis=0) + inner.sum(axis=1)
        most = np.sort(np.argsort(-confused, kind="stable")[:number])
        return [self.class_ids[place] for place in most.tolist()]

    def places(self, kept: Sequence[int]) -> IntArray:
        """Return the place (C + 1,) of each row in `merged`, the last of them too."""
        place = {class_id: number for number, class_id in enumerate(kept)}
        others = [place.get(class_id, len(kept)) for class_id in self.class_ids]
        return np.array([*others, max([len(kept) - 1, *others]) + 1])

    def merged(self, kept: Sequence[int]) -> Confusion:
        """Return the matrix of these class ids, with all other classes as one, of id 0.

        What is confused among the others stands on the diagonal of theirs. Where there are no
        others, they have no row.
        """
        to = self.places(kept)
        counts = np.zeros((int(to[-1]) + 1,) * 2, np.int64)
        np.add.at(counts, (to[:, None], to[None, :]), self.counts)
        return Confusion((*kept, 0) if to[-1] > len(kept) else tuple(kept), counts)


def confusion_matrix(matches: Matches, least_scores: Mapping[int, float]) -> Confusion:
    """Count what the objects of each class are detected as.

    The parameters are those of `find_occurrences`, which says which detection is of what.
    """
    return Confusion(matches.class_ids, find_occurrences(matches, least_scores).counts)
