from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detector.report import Matches, class_intervals

A, B = (0, 0, 100, 100), (300, 300, 400, 400)


def test_without_objects_there_are_no_intervals(make_matches: Callable[..., Matches]) -> None:
    assert class_intervals(make_matches([], []), []) == {}
    assert class_intervals(make_matches([], [(0, 1, A, 0.5)]), [0]) == {}


def test_each_class_has_its_own_interval(make_matches: Callable[..., Matches]) -> None:
    objects = [(0, 1, A), (1, 1, A), (0, 2, B)]
    intervals = class_intervals(make_matches(objects, [(0, 1, A, 0.9), (0, 2, B, 0.9)]), [0, 1])
    # Of two images drawn, both or one or none are the first; without any object, no AP counts.
    assert (intervals[1].estimate, intervals[1].low, intervals[1].high) == (0.5, 0, 1)
    assert (intervals[2].estimate, intervals[2].low, intervals[2].high) == (1, 1, 1)
    assert set(intervals) == {1, 2}


def test_only_images_looked_at_are_drawn(make_matches: Callable[..., Matches]) -> None:
    matches = make_matches([(0, 1, A), (2, 1, A)], [(0, 1, A, 0.9)])
    random = np.random.default_rng(1)
    expected = [(random.integers(2, size=2) == 0).mean() for _ in range(4000)]
    interval = class_intervals(matches, [0, 2])[1]
    assert (interval.low, interval.high) == pytest.approx(np.quantile(expected, [0.025, 0.975]))
