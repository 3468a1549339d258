"""How far a command is, on stderr; and lines that do not break into it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

_SECONDS_APART = 30.0  # between lines of progress where there is no terminal


@contextmanager
def progress(total: int, description: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many of ``total`` are done.

    It moves a bar where stderr is a terminal, and prints a line now and then elsewhere.
    """
    if not sys.stderr.isatty():
        yield _PlainProgress(total, description, unit)
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=description, unit=unit, disable=total < 2) as bar:
        yield lambda done: _move_to(bar, done)


def _move_to(bar: tqdm[NoReturn], done: int) -> None:
    bar.update(done - bar.n)


class _PlainProgress:
    """Prints how far the work is every half minute, and of work that took longer, its end."""

    def __init__(self, total: int, description: str, unit: str) -> None:
        self._total = total
        self._description = description
        self._unit = unit
        self._start = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        since = self._start if done == self._total else self._last
        if now - since < _SECONDS_APART:
            return
        self._last = now
        print(
            f"{self._description}: {done} of {self._total} {self._unit}s in"
            f" {now - self._start:.0f} s",
            file=sys.stderr,
            flush=True,
        )


def print_line(line: str, stream: TextIO | None = None) -> None:
    """Print a line at once, on stdout unless told, above a progress bar where there is one."""
    stream = stream or sys.stdout
    if sys.stderr.isatty():
        from tqdm import tqdm

        tqdm.write(line, file=stream)
    else:
        print(line, file=stream)
    stream.flush()
