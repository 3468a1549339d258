"""The cascade: which regions go on, and that both ways of it agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.cascade import apply_cascade, score_in_cascade, survivors
from detector.classes import select_classes
from detector.engines import Engine, Piece
from detector.members.settings import MemberSettings
from detector.pipeline import Prepared

SETTINGS = MemberSettings(classes=select_classes(["dog", "car", "person"]))


def softmax_scores(members: int, regions: int, seed: int = 0) -> np.ndarray:
    """Return (M, R, 4) scores of random regions."""
    logits = np.random.default_rng(seed).normal(size=(members, regions, 4)) * 2
    powers = np.exp(logits)
    return (powers / powers.sum(axis=2, keepdims=True)).astype(np.float32)


def test_no_regions_have_no_survivors() -> None:
    assert survivors(softmax_scores(1, 0)[0], 0.5).shape == (0,)
    assert apply_cascade(softmax_scores(3, 0), 0.5).shape == (0, 4)


def test_a_region_goes_on_by_its_largest_class_and_not_by_the_background() -> None:
    scores = np.array([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], np.float32)
    assert survivors(scores, 0.3).tolist() == [False, True, True]
    assert survivors(scores, 0).tolist() == [True, True, True]
    assert survivors(scores, 1).tolist() == [False, False, False]


@given(st.integers(1, 4), st.integers(0, 12), st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]))
def test_survivors_get_the_mean_of_all_members_and_others_keep_the_first_ones(
    members: int, regions: int, threshold: float
) -> None:
    scores = softmax_scores(members, regions)
    found = apply_cascade(scores, threshold)
    for region in range(regions):
        of_first = scores[0, region]
        expected = scores[:, region].mean(axis=0) if max(of_first[1:]) >= threshold else of_first
        assert found[region] == pytest.approx(expected, abs=1e-6)


def test_the_scores_given_stay_as_they_were() -> None:
    scores = softmax_scores(2, 5)
    before = scores.copy()
    apply_cascade(scores, 0.2)
    np.testing.assert_array_equal(scores, before)


class TableEngine:
    """Looks scores ``(M, R, 4)`` up by a box's left edge, which counts all regions through."""

    name = "table"

    def __init__(self, table: NDArray[np.float32], batch_size: int) -> None:
        self.settings = (SETTINGS,) * len(table)
        self.batch_size = batch_size
        self.seen: list[int] = []
        self._table = table

    def prepare(self) -> None:
        """Do nothing: the table is there."""

    def upload(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image

    def warp(self, pieces: Sequence[Piece]) -> NDArray[np.int64]:
        return np.concatenate([boxes[:, 0].astype(np.int64) for _, boxes in pieces])

    def member_scores(self, batches: Iterable[NDArray[np.int64]]) -> Iterator[NDArray[np.float32]]:
        for regions in batches:
            self.seen += regions.tolist()
            yield self._table[:, regions]


def images_of(counts: Sequence[int]) -> Iterator[Prepared]:
    start = 0
    for number, count in enumerate(counts):
        boxes = np.array([[left, 0, left + 1, 1] for left in range(start, start + count)])
        image = np.zeros((1, 999, 3), np.uint8)
        yield Prepared(number, image, boxes.astype(np.float32).reshape(-1, 4))
        start += count


def check(counts: list[int], batch_size: int, threshold: float, members: int = 3) -> None:
    """Compare the cascade with the one on all members' scores; nobody scores what need not be."""
    table = softmax_scores(members, sum(counts))
    first, others = TableEngine(table[:1], batch_size), TableEngine(table[1:], batch_size)
    found = list(score_in_cascade(images_of(counts), first, others, threshold))
    assert [prepared.key for prepared, _ in found] == list(range(len(counts)))
    assert [len(scores) for _, scores in found] == counts
    together = np.concatenate([np.empty((0, 4), np.float32), *(scores for _, scores in found)])
    np.testing.assert_array_equal(together, apply_cascade(table, threshold))
    assert first.seen == list(range(sum(counts)))
    assert others.seen == np.flatnonzero(survivors(table[0], threshold)).tolist()


@pytest.mark.parametrize("counts", [[], [0], [0] * 20, [3], [1] * 20, [0, 5, 0], [40, 1, 70]])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_both_ways_of_a_cascade_agree(counts: list[int], batch_size: int, threshold: float) -> None:
    check(counts, batch_size, threshold)


@given(
    st.lists(st.integers(0, 30), max_size=24),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.4, 0.7, 0.9]),
)
def test_both_ways_of_a_cascade_agree_in_any_case(
    counts: list[int], batch_size: int, threshold: float
) -> None:
    check(counts, batch_size, threshold)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_no_more_than_a_few_images_are_taken_ahead(threshold: float) -> None:
    taken: list[int] = []

    def images() -> Iterator[Prepared]:
        for prepared in images_of([2] * 100):
            taken.append(prepared.key)
            yield prepared

    table = softmax_scores(2, 200)
    first, others = TableEngine(table[:1], 2), TableEngine(table[1:], 2)
    scored = score_in_cascade(images(), first, others, threshold)
    for number, (prepared, _) in enumerate(scored):
        assert prepared.key == number
        assert len(taken) < number + 14


def test_errors_keep_their_place() -> None:
    broken = Prepared(9, None, np.empty((0, 4), np.float32), ValueError("no picture"))
    table = softmax_scores(2, 3)
    images = [*images_of([3]), broken]
    found = score_in_cascade(images, TableEngine(table[:1], 2), TableEngine(table[1:], 2), 0.5)
    assert [prepared for prepared, _ in found] == images


@pytest.mark.parametrize("good", [0, 1, 7, 8, 9, 20])
def test_all_images_before_an_error_of_their_source_are_finished(good: int) -> None:
    table = softmax_scores(3, 2 * good)

    def images() -> Iterator[Prepared]:
        yield from images_of([2] * good)
        raise OSError("the disk is gone")

    found: list[NDArray[np.float32]] = [np.empty((0, 4), np.float32)]
    first, others = TableEngine(table[:1], 4), TableEngine(table[1:], 4)
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(scores for _, scores in score_in_cascade(images(), first, others, 0.5))
    np.testing.assert_array_equal(np.concatenate(found), apply_cascade(table, 0.5))


def test_the_table_is_an_engine() -> None:
    engine: Engine = TableEngine(softmax_scores(1, 1), 1)
    assert engine.batch_size == 1
