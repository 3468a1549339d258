from __future__ import annotations

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
