"""How readers say what is wrong.

There is one reader for each kind of file. It tells a ``report`` of each problem that it meets,
leaves the damaged part out and goes on. Strict reading reports to `refuse`, which raises the first;
a checker reports to ``list.append`` and has them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from detector.datasets.annotation import DatasetError


@dataclass(frozen=True)
class Problem:
    """Something wrong with a data set.

    Attributes
    ----------
    path : Path
        The file or folder.
    what : str
        One line: the element, its value, and the remedy.
    line : int, optional
        Where in a file of lines, from 1.
    """

    path: Path
    what: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.path}" if self.line is None else f"{self.path}, line {self.line}"
        return f"{place}: {self.what}"


class ProblemError(DatasetError):
    """A problem that is raised."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


Report = Callable[[Problem], None]
"""Is told of each problem."""


def refuse(problem: Problem) -> NoReturn:
    """Raise the problem as a `DatasetError`."""
    raise ProblemError(problem)


def once(report: Report) -> Report:
    """Return a report that tells each problem once, for files that are read several times."""
    told: set[Problem] = set()

    def tell(problem: Problem) -> None:
        if problem not in told:
            told.add(problem)
            report(problem)

    return tell
