from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report import Matches, match_rows, ranks_by_score, score_limited
from detector.report.analysis.limits import useful_counts

A = (0, 0, 100, 100)


@given(data=st.data())
def test_ranks_are_places_among_the_detections_of_an_image(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    predictions = data.draw(scenes).predictions
    ranks = ranks_by_score(predictions)
    for row in range(len(predictions)):
        before = [
            other
            for other in range(len(predictions))
            if predictions.image_indices[other] == predictions.image_indices[row]
            and (-predictions.scores[other], other) < (-predictions.scores[row], row)
        ]
        assert ranks[row] == len(before)


def test_a_limit_leaves_out_the_rest_and_matches_anew(
    make_matches: Callable[..., Matches],
) -> None:
    # The duplicate comes from the first proposal, what suppressed it from the second.
    matches = make_matches([(0, 1, A), (1, 1, A)], [(0, 1, A, 0.9), (0, 1, A, 0.5)])
    ranks = np.array([1, 0])
    match = partial(
        match_rows,
        matches.ground_truth,
        class_ids=matches.class_ids,
        protocol="ilsvrc",
        image_count=3,
    )
    limited = score_limited(matches.predictions, ranks, [0, 1, 2], match)
    assert [one.count for one in limited] == [0, 1, 2]
    assert [one.recall for one in limited] == [0, 0.5, 0.5]
    assert [one.mean_ap for one in limited] == pytest.approx([0, 0.5, 0.5])


@pytest.mark.parametrize(
    ("ranks", "counts"),
    [
        ([], [0]),
        ([0], [1]),
        ([0, 5], [1, 2, 5, 6]),
        ([9], [1, 2, 5, 10]),
        ([10], [1, 2, 5, 11]),
    ],
)
def test_counts_end_with_the_one_that_leaves_out_nothing(
    ranks: list[int], counts: list[int]
) -> None:
    assert useful_counts(np.array(ranks, np.int64)) == counts
