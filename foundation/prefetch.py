"""Work done ahead in the background while its reader is busy with what came before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_AHEAD = 3
_AHEAD_OF_EACH_WORKER = 2

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetched(
    work: Callable[[Item], Result], items: Iterable[Item], ahead: int = _AHEAD
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for each item in order, a few worked out ahead in one thread.

    The items themselves are taken in the reader's thread, no more than ``ahead`` of them
    before their results are read. An error is raised in its place: what comes before it, of the
    work or of the items, is yielded first.
    """
    return _worked_out(work, items, ahead, workers=1)


def ordered_map(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    ahead_of_each: int = _AHEAD_OF_EACH_WORKER,
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for each item in order, worked out in several threads.

    As in `prefetched`, items are taken in the reader's thread, no more than ``ahead_of_each``
    for each worker before their results are read, and an error is raised in its place. Closing
    the generator, or its end by an error, waits for what is begun and drops the rest.
    """
    return _worked_out(work, items, ahead_of_each * workers, workers)


def _worked_out(
    work: Callable[[Item], Result], items: Iterable[Item], ahead: int, workers: int
) -> Generator[Result, None, None]:
    remaining = iter(items)
    failures: list[Exception] = []
    worker = ThreadPoolExecutor(workers)

    def submitted(count: int) -> Iterator[Future[Result]]:
        try:
            for item in islice(remaining, 0 if failures else count):
                yield worker.submit(work, item)
        except Exception as error:  # noqa: BLE001 - it is raised when its turn comes
            failures.append(error)

    try:
        pending = deque(submitted(ahead))
        while pending:
            result = pending.popleft().result()
            pending.extend(submitted(1))
            yield result
        if failures:
            raise failures[0]
    finally:  # also when the reader stops early, or the work ends in an error
        worker.shutdown(cancel_futures=True)
