from __future__ import annotations

import numpy as np
import pytest

from proposals.coverage import covered

NONE: list[list[int]] = []


@pytest.mark.parametrize(
    ("boxes", "true_boxes", "expected"),
    [
        (NONE, NONE, []),
        (NONE, [[0, 0, 9, 9]], [False]),
        ([[0, 0, 9, 9]], NONE, []),
        ([[0, 0, 10, 5]], [[0, 0, 10, 10], [0, 0, 10, 11]], [True, False]),
        ([[0, 0, 10, 10]], [[0, 0, 10, 9], [0, 1, 10, 10], [20, 20, 30, 30]], [True, True, False]),
    ],
)
def test_objects_count_that_some_proposal_overlaps_by_half(
    boxes: list[list[int]], true_boxes: list[list[int]], expected: list[bool]
) -> None:
    arrays = (np.array(rows, np.float32).reshape(-1, 4) for rows in (boxes, true_boxes))
    assert covered(*arrays).tolist() == expected
