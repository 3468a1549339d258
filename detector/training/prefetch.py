"""Work that is prepared in the background while the network learns from what came before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_AHEAD = 3

Batch = TypeVar("Batch")


def prefetched(load: Callable[[int], Batch], start: int, stop: int) -> Iterator[Batch]:
    """Yield ``load(start)`` to ``load(stop - 1)``, a few prepared ahead in one thread."""
    with ThreadPoolExecutor(1) as worker:
        pending = deque(
            worker.submit(load, step) for step in range(start, min(start + _AHEAD, stop))
        )
        for step in range(start, stop):
            batch = pending.popleft().result()
            if step + _AHEAD < stop:
                pending.append(worker.submit(load, step + _AHEAD))
            yield batch
