from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from foundation.prefetch import ordered_map, prefetched


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 20])
@pytest.mark.parametrize("ahead", [1, 3])
def test_results_come_in_order(count: int, ahead: int) -> None:
    found = list(prefetched(lambda item: item * item, range(count), ahead))
    assert found == [item * item for item in range(count)]


def test_items_are_taken_no_more_than_so_many_ahead_and_in_the_readers_thread() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            assert threading.current_thread() is threading.main_thread()
            taken.append(item)
            yield item

    results = prefetched(lambda item: item, items(), 3)
    for read in range(1, 10):
        next(results)
        assert len(taken) <= read + 3
    results.close()


def test_an_error_reaches_the_reader() -> None:
    results = prefetched(lambda item: 1 // item, [1, 0, 2], 2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("count", [0, 1, 20])
@pytest.mark.parametrize("workers", [1, 3])
def test_results_of_several_threads_come_in_order(count: int, workers: int) -> None:
    assert list(ordered_map(lambda x: x * x, range(count), workers)) == [
        x * x for x in range(count)
    ]


@pytest.mark.parametrize(("workers", "ahead_of_each"), [(1, 1), (3, 2), (2, 8)])
def test_endless_items_are_taken_no_more_than_so_many_ahead(
    workers: int, ahead_of_each: int
) -> None:
    taken = itertools.count()
    items = iter(lambda: next(taken), -1)
    results = ordered_map(lambda item: item, items, workers, ahead_of_each)
    assert [next(results) for _ in range(20)] == list(range(20))
    results.close()
    assert next(taken) == 20 + workers * ahead_of_each


def test_several_threads_work_at_once() -> None:
    meeting = threading.Barrier(3)
    list(ordered_map(lambda _: meeting.wait(timeout=60), range(3), 3))


def test_closing_early_waits_for_what_is_begun_and_drops_the_rest() -> None:
    begun: list[int] = []
    done: list[int] = []
    in_work, go_on = threading.Event(), threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item == 1:
            in_work.set()
            assert go_on.wait(timeout=60)
        done.append(item)
        return item

    results = prefetched(work, range(10), 3)
    assert next(results) == 0
    assert in_work.wait(timeout=60)
    release = threading.Timer(0.1, go_on.set)
    release.start()
    results.close()
    assert begun == done == [0, 1]
    release.join()


@pytest.mark.parametrize("good", [0, 1, 3, 8])  # of which three are taken before the first result
def test_an_error_of_the_source_reaches_the_reader_and_ends_the_work(good: int) -> None:
    threads = set(threading.enumerate())

    def items() -> Iterator[int]:
        yield from range(good)
        raise OSError("the source is gone")

    read: list[int] = []
    with pytest.raises(OSError, match="the source is gone"):
        read.extend(prefetched(lambda item: item, items(), 3))
    assert read == list(range(good))
    assert not set(threading.enumerate()) - threads


def test_a_source_that_failed_is_not_asked_again() -> None:
    items = map((1).__floordiv__, [1, 1, 0, 1, 1])  # a map goes on after an error
    results = ordered_map(lambda item: item, items, 1, ahead_of_each=2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(items) == [1, 1]


def test_work_behind_an_error_is_dropped() -> None:
    begun: list[int] = []
    go_on = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        assert go_on.wait(timeout=60)
        return 1 // item

    results = prefetched(work, [0, *range(1, 10)], 5)
    threading.Timer(0.05, go_on.set).start()
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(begun) < 5 + 1
    assert begun == list(range(len(begun)))
