from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report import best_f1
from detector.scoring.average_precision import precision_recall


@pytest.mark.parametrize(
    ("scores", "found", "objects"),
    [([], [], 0), ([], [], 3), ([0.5], [False], 0), ([0.5, 0.2], [False, False], 1)],
)
def test_without_a_hit_there_is_no_point(
    scores: list[float], found: list[bool], objects: int
) -> None:
    assert best_f1(precision_recall(np.array(scores), np.array(found, bool), objects)) is None


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12),
    st.integers(0, 3),
)
def test_no_threshold_gives_a_higher_f1(rows: list[tuple[int, bool]], missed: int) -> None:
    scores = np.array([row[0] for row in rows], float)
    found = np.array([row[1] for row in rows])
    objects = int(found.sum()) + missed
    point = best_f1(precision_recall(scores, found, objects))
    f1_from = {}
    for threshold in sorted(set(scores.tolist()), reverse=True):
        chosen = scores >= threshold
        precision, recall = found[chosen].mean(), found[chosen].sum() / max(objects, 1)
        if precision + recall:
            f1_from[threshold] = 2 * precision * recall / (precision + recall)
    if not f1_from:
        assert point is None
        return
    assert point is not None
    assert point.f1 == pytest.approx(max(f1_from.values()))
    assert f1_from[point.score] == pytest.approx(point.f1)
    chosen = scores >= point.score
    assert point.precision == pytest.approx(found[chosen].mean())
    assert point.recall == pytest.approx(found[chosen].sum() / objects)
