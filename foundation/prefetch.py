"""Work done ahead in the background while its reader is busy with what came before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_AHEAD = 3

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetched(
    work: Callable[[Item], Result], items: Iterable[Item], ahead: int = _AHEAD
) -> Iterator[Result]:
    """Yield ``work(item)`` for each item in order, a few worked out ahead in one thread.

    The items themselves are taken in the reader's thread, no more than ``ahead`` of them
    before their results are read.
    """
    return _worked_out(work, items, ahead, workers=1)


def ordered_map(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Yield ``work(item)`` for each item in order, worked out in several threads."""
    return _worked_out(work, items, 2 * workers, workers)


def _worked_out(
    work: Callable[[Item], Result], items: Iterable[Item], ahead: int, workers: int
) -> Iterator[Result]:
    pull = iter(items)
    worker = ThreadPoolExecutor(workers)
    try:
        pending = deque(worker.submit(work, item) for item in islice(pull, ahead))
        while pending:
            result = pending.popleft().result()
            pending.extend(worker.submit(work, item) for item in islice(pull, 1))
            yield result
    finally:  # also when the reader stops early, or the items end in an error
        worker.shutdown(cancel_futures=True)
