from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from proposals import Proposals

BOXES = np.array([[0, 0, 4, 4], [2, 2, 10, 8]], np.float32)


def two(**changes: Any) -> Proposals:
    parts: dict[str, Any] = {
        "boxes_xyxy": BOXES,
        "scores": [2, 1],
        "image_size": (8, 10),
        "sources": ("a", "b"),
        "source_indices": [1, 0],
        "ranks": [0, 0],
    }
    return Proposals(**{**parts, **changes})


@pytest.mark.parametrize("count", [0, 2])
def test_one_source_ranks_its_boxes_in_their_order(count: int) -> None:
    found = Proposals.of_one_source(BOXES[:count], (8, 10), "a")
    assert found.ranks.tolist() == list(range(count))
    assert found.scores.tolist() == [-rank for rank in range(count)]
    assert found.source_names() == ["a"] * count
    assert (found.scores.dtype, found.source_indices.dtype) == (np.float32, np.uint8)


def test_first_keeps_each_boxes_own_data() -> None:
    best = two().first(1)
    assert len(best) == 1
    assert best.source_names() == ["b"]
    assert best.scores.tolist() == [2]
    assert len(two().first(9)) == 2
    with pytest.raises(ValueError, match="count must be 0 or more"):
        two().first(-1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": []}, r"scores must be of shape \(2,\)"),
        ({"scores": [1, 2]}, "scores must be finite and descend"),
        ({"scores": [np.nan, 2]}, "scores must be finite and descend"),
        ({"source_indices": [0, 2]}, "source_indices must point into"),
        ({"ranks": [0]}, r"ranks must be of shape \(2,\)"),
        ({"image_size": (8, 9)}, "within the image"),
        ({"boxes_xyxy": -BOXES}, "boxes must be"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        two(**changes)


@pytest.mark.parametrize("count", [0, 2])
def test_boxes_as_corner_and_size(count: int) -> None:
    found = Proposals.of_one_source(BOXES[:count], (8, 10), "a").boxes_xywh
    assert found.tolist() == [[0, 0, 4, 4], [2, 2, 8, 6]][:count]
    assert (found.dtype, found.shape) == (np.float32, (count, 4))


def test_the_text_is_short_and_says_what_there_is() -> None:
    expected = "Proposals(2 boxes, image_size=(8, 10), sources=('a', 'b'))"
    assert repr(two()) == str(two()) == expected


NONE = Proposals.of_one_source([], (8, 10), "a")


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        (0, [0]),
        (-1, [1]),
        (np.int64(1), [1]),
        (slice(None), [0, 1]),
        (slice(1, None), [1]),
        (slice(5, 9), []),
        ([], []),
        ([0], [0]),
        ([0, 0, 1], [0, 0, 1]),
        ([-2, -1], [0, 1]),
        (np.array([1], np.uint8), [1]),
        ([True, False], [0]),
        (np.zeros(2, bool), []),
        (np.ones(2, bool), [0, 1]),
    ],
)
def test_an_index_chooses_boxes_with_all_that_belongs_to_them(
    chosen: Any, places: list[int]
) -> None:
    whole = two(ranks=[5, 7])
    found = whole[chosen]
    assert isinstance(found, Proposals)
    assert (found.image_size, found.sources) == (whole.image_size, whole.sources)
    for name in ("boxes_xyxy", "scores", "source_indices", "ranks"):
        assert getattr(found, name).tolist() == getattr(whole, name)[places].tolist()


@pytest.mark.parametrize("chosen", [slice(None), slice(0, 3), [], np.zeros(0, bool), [][:0]])
def test_no_proposals_can_be_chosen_of_none(chosen: Any) -> None:
    found = NONE[chosen]
    assert len(found) == 0
    assert found.boxes_xyxy.shape == found.boxes_xywh.shape == (0, 4)
    assert list(NONE) == []


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        (2, IndexError),
        (-3, IndexError),
        ([0, 2], IndexError),
        ([True], IndexError),
        (True, IndexError),
        (np.False_, IndexError),
        (1.0, IndexError),
        ([0.0], IndexError),
        ("a", IndexError),
        (None, IndexError),
        ((0, 1, 2), IndexError),
        ([[0], [1]], IndexError),
        ([1, 0], ValueError),
        (slice(None, None, -1), ValueError),
    ],
)
def test_other_indices_are_refused(chosen: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        two()[chosen]
    assert error is IndexError or "places must ascend" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(IndexError):
        NONE[0]


def test_proposals_come_one_by_one_and_as_an_array() -> None:
    ones = list(two())
    assert [len(one) for one in ones] == [1, 1]
    assert [one.source_names() for one in ones] == [["b"], ["a"]]
    array = np.asarray(two())
    np.testing.assert_array_equal(array, BOXES)
    assert array.dtype == np.float32
    assert np.asarray(two(), np.int32).tolist() == BOXES.tolist()
    copied = np.array(two())
    copied[:] = -1
    assert two().boxes_xyxy.min() == 0


def test_proposals_survive_pickling_as_workers_do_it() -> None:
    found = pickle.loads(pickle.dumps(two()))  # noqa: S301 - our own bytes
    assert repr(found) == repr(two())
    np.testing.assert_array_equal(found.boxes_xyxy, BOXES)
