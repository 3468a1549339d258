from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.classes import select_classes
from detector.engines import Engine, Piece
from detector.members.settings import MemberSettings
from detector.pipeline import Prepared, Scored, score_by_member, score_images

SETTINGS = MemberSettings(classes=select_classes(["dog"]))


class StubEngine:
    """Scores a window by its image's first pixel and its box's left edge; keeps one back."""

    name = "stub"
    settings = (SETTINGS, SETTINGS)

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.sizes: list[int] = []
        self.prepared = 0

    def prepare(self) -> None:
        self.prepared += 1

    def upload(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image

    def warp(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        rows = [(image[0, 0, 0], left) for image, boxes in pieces for left in boxes[:, 0].tolist()]
        return np.array(rows, np.float32)

    def member_scores(
        self, batches: Iterable[NDArray[np.float32]]
    ) -> Iterator[NDArray[np.float32]]:
        kept = None
        for windows in batches:
            self.sizes.append(len(windows))
            if kept is not None:
                yield np.stack([kept, kept + 2])
            kept = windows
        if kept is not None:
            yield np.stack([kept, kept + 2])


def images_of(counts: Sequence[int]) -> list[Prepared]:
    images = []
    for number, count in enumerate(counts):
        boxes = np.array([[left, 0, left + 1, 1] for left in range(count)], np.float32)
        image = np.full((1, 99, 3), number, np.uint8)
        images.append(Prepared(number, image, boxes.reshape(-1, 4)))
    return images


@pytest.mark.parametrize("counts", [[], [0], [0, 0], [3], [0, 1, 0], [2, 2], [1, 9, 0, 4, 0]])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_every_region_gets_its_own_mean_score(counts: list[int], batch_size: int) -> None:
    check(counts, batch_size)


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(1, 9))
def test_every_region_gets_its_own_mean_score_in_any_case(
    counts: list[int], batch_size: int
) -> None:
    check(counts, batch_size)


def check(counts: list[int], batch_size: int) -> None:
    engine = StubEngine(batch_size)
    found = list(score_images(images_of(counts), engine))
    assert [prepared.key for prepared, _ in found] == list(range(len(counts)))
    for number, (_, scores) in enumerate(found):
        expected = np.array([(number + 1, left + 1) for left in range(counts[number])], np.float32)
        np.testing.assert_array_equal(scores, expected.reshape(-1, 2))
    # Only the last batch may hold fewer windows.
    assert sum(engine.sizes) == sum(counts)
    assert all(size == batch_size for size in engine.sizes[:-1])
    for (_, scores), by_member in zip(
        found, score_by_member(images_of(counts), StubEngine(batch_size)), strict=True
    ):
        assert by_member.member_scores.shape == (2, *scores.shape)
        np.testing.assert_array_equal(by_member.member_scores[0], scores - 1)
        np.testing.assert_array_equal(by_member.member_scores[1], scores + 1)


def test_the_stub_is_an_engine() -> None:
    engine: Engine = StubEngine(1)
    assert engine.batch_size == 1


def test_errors_keep_their_place() -> None:
    error = ValueError("no picture")
    broken = Prepared("b", None, np.empty((0, 4), np.float32), error)
    first, third = images_of([3, 2])
    found = [prepared for prepared, _ in score_images([first, broken, third], StubEngine(2))]
    assert found == [first, broken, third]
    assert found[1].error is error


def test_what_is_used_next_is_made_ready_after_the_first_scores_and_not_before() -> None:
    ready_at: list[int] = []

    class Upcoming(StubEngine):
        def prepare(self) -> None:
            ready_at.append(len(engine.sizes))

    engine = StubEngine(2)
    list(score_by_member(images_of([0, 5]), engine, upcoming=Upcoming(1)))
    assert ready_at[0] == 2  # the stub keeps one batch back
    ready_at.clear()
    list(score_by_member(images_of([0]), engine, upcoming=Upcoming(1)))
    assert ready_at == []


class Broken(StubEngine):
    """Fails at the windows of one image, in one of its steps."""

    def __init__(self, batch_size: int, step: str, number: int) -> None:
        super().__init__(batch_size)
        self._step = step
        self._number = number

    def _check(self, step: str, numbers: NDArray[Any]) -> None:
        if step == self._step and (numbers == self._number).any():
            raise RuntimeError("broken")

    def upload(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self._check("upload", image[0, 0])
        return image

    def warp(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        windows = super().warp(pieces)
        self._check("warp", windows[:, 0])
        return windows

    def member_scores(
        self, batches: Iterable[NDArray[np.float32]]
    ) -> Iterator[NDArray[np.float32]]:
        for scores in super().member_scores(batches):
            self._check("score", scores[0, :, 0])
            yield scores


@pytest.mark.parametrize("batch_size", [1, 3, 7])
@pytest.mark.parametrize("number", [0, 1, 4, 8])
@pytest.mark.parametrize("step", ["upload", "warp", "score"])
def test_what_was_finished_before_an_engine_failed_comes_first(
    step: str, number: int, batch_size: int
) -> None:
    found: list[Scored] = []
    with pytest.raises(RuntimeError, match="broken"):
        found.extend(score_images(images_of([3] * 9), Broken(batch_size, step, number)))
    for place, (prepared, scores) in enumerate(found):
        assert prepared.key == place
        assert scores[:, 0].tolist() == [place + 1] * 3
    # All but those that share a batch with the image at which it failed, or are still being cut.
    assert number - batch_size // 3 - 1 <= len(found) <= number


@pytest.mark.parametrize("batch_size", [1, 2, 5])
@pytest.mark.parametrize("good", [0, 1, 2, 7])
def test_all_images_before_an_error_of_their_source_are_finished(
    good: int, batch_size: int
) -> None:
    def images() -> Iterator[Prepared]:
        yield from images_of([3] * good)
        raise OSError("the disk is gone")

    found: list[object] = []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(prepared.key for prepared, _ in score_images(images(), StubEngine(batch_size)))
    assert found == list(range(good))


def test_an_interruption_is_not_put_off() -> None:
    def images() -> Iterator[Prepared]:
        yield from images_of([3])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(score_images(images(), StubEngine(2)))
