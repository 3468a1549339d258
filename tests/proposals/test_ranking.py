from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proposals.boxes import pairwise_iou
from proposals.ranking import (
    FEATURES,
    Ranking,
    RankingFileError,
    best_first,
    describe,
    load_ranking,
    ranking_document,
)

COUNT = len(FEATURES)


def random_boxes(seed: int, count: int) -> np.ndarray:
    corners = np.sort(np.random.RandomState(seed).uniform(0, 50, (count, 2, 2)), axis=1)
    return corners.reshape(count, 4).astype(np.float32)


def slow_best_first(
    boxes: np.ndarray, qualities: np.ndarray, power: float, duplicate_iou: float
) -> list[int]:
    ious = pairwise_iou(boxes, boxes)
    taken: list[int] = []
    left = list(range(len(boxes)))
    while left:
        worth = [
            qualities[i] * (1 - max((ious[i, j] for j in taken), default=0)) ** power for i in left
        ]
        taken.append(left[int(np.argmax(worth))])
        left = [i for i in left if i != taken[-1] and ious[i, taken[-1]] <= duplicate_iou]
    return taken


@given(st.integers(0, 40), st.integers(0, 999), st.sampled_from([0.0, 1.0, 1.5]))
def test_boxes_are_taken_as_the_slow_way_takes_them(count: int, seed: int, power: float) -> None:
    boxes = random_boxes(seed, count)
    qualities = np.random.RandomState(seed).uniform(0.01, 1, count).astype(np.float32)
    taken, worth = best_first(boxes, qualities, power, 0.6)
    assert (np.diff(worth) <= 0).all()
    expected = slow_best_first(boxes, qualities, power, 0.6)
    assert taken.tolist() == expected
    some, _ = best_first(boxes, qualities, power, 0.6, max_boxes=7)
    assert some.tolist() == expected[:7]


@given(st.integers(0, 40), st.integers(0, 999))
def test_of_boxes_worth_the_same_the_first_is_taken(count: int, seed: int) -> None:
    apart = np.arange(count, dtype=np.float32)[:, None] * 10 + np.array([0, 0, 5, 5], np.float32)
    qualities = np.random.RandomState(seed).randint(1, 4, count).astype(np.float32)
    taken, _ = best_first(apart, qualities, 1.5, 0.6)
    assert taken.tolist() == np.argsort(-qualities, kind="stable").tolist()


def test_a_likeness_moves_back_and_a_duplicate_leaves() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [30, 30, 40, 40]], np.float32)
    taken, worth = best_first(boxes, np.array([0.9, 0.8, 0.7, 0.5], np.float32), 2.0, 0.95)
    assert taken.tolist() == [0, 3, 1]
    np.testing.assert_allclose(worth, [0.9, 0.5, 0.8 * 0.1**2], atol=1e-6)


@pytest.mark.parametrize(("count", "multibox"), [(0, 0), (3, 0), (3, 3), (5, 2)])
def test_every_box_is_described_by_finite_numbers(count: int, multibox: int) -> None:
    boxes = random_boxes(0, count)
    from_multibox = np.arange(count) >= count - multibox
    confidences = np.full(count, 0.5, np.float32)
    features = describe(
        boxes, (50, 50), from_multibox, confidences, np.arange(count, dtype=np.int32)
    )
    assert features.shape == (count, COUNT)
    assert np.isfinite(features).all()


def test_boxes_alike_are_counted_as_the_slow_way_counts_them() -> None:
    boxes = random_boxes(0, 60)
    none = np.zeros(60, np.float32)
    rows = describe(boxes, (50, 50), none > 0, none, np.arange(60, dtype=np.int32))
    for share in (0.6, 0.8):
        counts = (pairwise_iou(boxes, boxes) >= np.float32(share)).sum(axis=1)
        column = rows[:, FEATURES.index(f"boxes_at_{share}")]
        np.testing.assert_allclose(column, np.log1p(counts), rtol=1e-6)


def test_features_say_what_they_are_called() -> None:
    boxes = np.array([[0, 0, 20, 10], [0, 0, 20, 10], [60, 60, 100, 100]], np.float32)
    from_multibox = np.array([False, True, False])
    confidences = np.array([0.0, 0.5, 0.0], np.float32)
    ranks = np.array([0, 0, 7], np.int32)
    rows = describe(boxes, (100, 100), from_multibox, confidences, ranks)
    told = [dict(zip(FEATURES, row, strict=True)) for row in rows]
    assert [row["is_multibox"] for row in told] == [0, 1, 0]
    assert [row["best_confident_overlap"] for row in told] == [0.5, 0.5, 0]
    assert told[0]["boxes_at_0.8"] == pytest.approx(np.log(3))
    assert told[2]["boxes_at_0.6"] == pytest.approx(np.log(2))
    assert told[0]["aspect"] == pytest.approx(np.log(2))
    assert (told[0]["shorter_side"], told[0]["longer_side"]) == pytest.approx(np.log([10, 20]))
    assert (told[0]["at_left"], told[0]["at_right"]) == (1, 0)
    assert (told[2]["at_top"], told[2]["at_bottom"]) == (0, 1)
    assert told[2]["rank"] == pytest.approx(np.log(8))


def test_a_ranking_comes_back_from_its_text(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    layers = ((random.rand(3, COUNT), random.rand(3)), (random.rand(1, 3), random.rand(1)))
    ranking = Ranking(
        np.zeros(COUNT, np.float32),
        np.ones(COUNT, np.float32),
        tuple((w.astype(np.float32), b.astype(np.float32)) for w, b in layers),
        0.5,
    )
    path = tmp_path / "ranking.json"
    path.write_text(ranking_document(ranking, {"images": 1}), encoding="utf-8")
    rows = random.rand(4, COUNT).astype(np.float32)
    np.testing.assert_allclose(
        load_ranking(path).qualities(rows), ranking.qualities(rows), atol=1e-3
    )
    assert load_ranking(path).likeness_power == 0.5


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "proposal ranking 2", "features": []}']
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RankingFileError, match=r"bad\.json: not a ranking"):
        load_ranking(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RankingFileError, match="gone"):
        load_ranking(tmp_path / "gone.json")
