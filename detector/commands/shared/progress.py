"""How far a command is, on stderr; and lines that do not break into it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

_FIRST_LINE_AFTER = 2.0  # seconds, where there is no terminal
_SECONDS_APART = 30.0  # between lines of progress there


@contextmanager
def progress(
    total: int, description: str, unit: str, *, at_once: bool = False
) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many of ``total`` are done.

    It moves a bar where stderr is a terminal, and elsewhere prints a line after some seconds and
    then now and then; ``at_once`` says there, too, that the work begins, where there is more than
    one thing to do.
    """
    if not sys.stderr.isatty():
        if at_once and total > 1:
            print(f"{description}: 0 of {total} {unit}s", file=sys.stderr, flush=True)
        yield _PlainProgress(total, description, unit)
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=description, unit=unit, disable=total < 2) as bar:
        yield lambda done: _move_to(bar, done)


def _move_to(bar: tqdm[NoReturn], done: int) -> None:
    bar.update(done - bar.n)


class _PlainProgress:
    """Prints how far the work is: soon, then every half minute, and the end of long work."""

    def __init__(self, total: int, description: str, unit: str) -> None:
        self._total = total
        self._description = description
        self._unit = unit
        self._start = self._last = time.monotonic()
        self._is_first = True

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        ended = done == self._total
        since = self._start if ended else self._last
        if now - since < (_FIRST_LINE_AFTER if self._is_first and not ended else _SECONDS_APART):
            return
        self._last, self._is_first = now, False
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
