from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report import Confusion, Matches, confusion_matrix

A, B = (0, 0, 100, 100), (300, 300, 400, 400)
ALL = {1: 0.0, 2: 0.0, 3: 0.0}


def cells(confusion: Confusion) -> dict[tuple[int, int], int]:
    """Return what is not 0 by (there, detected); 0 for background and for missed."""
    ids = [*confusion.class_ids, 0]
    rows, columns = np.nonzero(confusion.counts)
    return {
        (ids[r], ids[c]): int(confusion.counts[r, c]) for r, c in zip(rows, columns, strict=True)
    }


@pytest.mark.parametrize(
    ("objects", "detections", "expected"),
    [
        pytest.param([], [], {}, id="nothing"),
        pytest.param([(0, 1, A)], [], {(1, 0): 1}, id="missed"),
        pytest.param([], [(0, 1, A, 0.9)], {(0, 1): 1}, id="where nothing is"),
        pytest.param([(0, 1, A)], [(0, 1, A, 0.9)], {(1, 1): 1}, id="found"),
        pytest.param([(0, 1, A)], [(0, 2, A, 0.9)], {(1, 2): 1}, id="confused"),
        pytest.param(
            [(0, 1, A)], [(0, 2, A, 0.9), (0, 1, A, 0.1)], {(1, 1): 1, (0, 2): 1}, id="found first"
        ),
        pytest.param(
            [(0, 1, A)],
            [(0, 2, A, 0.8), (0, 3, A, 0.9)],
            {(1, 3): 1, (0, 2): 1},
            id="the better of two",
        ),
        pytest.param(
            [(0, 1, A)], [(0, 2, (0, 0, 100, 40), 0.9)], {(1, 0): 1, (0, 2): 1}, id="too far off"
        ),
        pytest.param([(0, 1, A)], [(1, 2, A, 0.9)], {(1, 0): 1, (0, 2): 1}, id="another image"),
    ],
)
def test_one_object_is_counted_once(
    make_matches: Callable[..., Matches],
    objects: list[object],
    detections: list[object],
    expected: dict[tuple[int, int], int],
) -> None:
    assert cells(confusion_matrix(make_matches(objects, detections), ALL)) == expected


def test_detections_below_their_classs_score_do_not_count(
    make_matches: Callable[..., Matches],
) -> None:
    matches = make_matches([(0, 1, A)], [(0, 1, A, 0.4), (0, 2, A, 0.5), (0, 3, A, 0.9)])
    # Class 1 asks for more, class 2 for just this, and class 3 has no least score.
    assert cells(confusion_matrix(matches, {1: 0.6, 2: 0.5})) == {(1, 2): 1}


def test_the_strongest_confusions_come_first_and_pairs_that_never_were_do_not(
    make_matches: Callable[..., Matches],
) -> None:
    objects = [(0, 1, A), (1, 1, A), (2, 2, A), (2, 1, B)]
    detections = [(0, 2, A, 0.9), (1, 2, A, 0.9), (2, 3, A, 0.9), (2, 1, B, 0.9)]
    confusion = confusion_matrix(make_matches(objects, detections), ALL)
    assert confusion.strongest(5) == [(1, 2, 2), (2, 3, 1)]
    assert confusion.strongest(1) == [(1, 2, 2)]


def test_merged_classes_keep_the_sums(make_matches: Callable[..., Matches]) -> None:
    objects = [(0, 1, A), (1, 2, A), (2, 3, A)]
    detections = [(0, 2, A, 0.9), (1, 3, A, 0.9), (2, 1, A, 0.9), (2, 2, B, 0.5)]
    merged = confusion_matrix(make_matches(objects, detections), ALL).merged([2])
    assert merged.class_ids == (2, 0)
    assert merged.counts.tolist() == [
        [0, 1, 0],  # of 2: one as others
        [1, 1, 0],  # of the others: one as 2, one as one of them
        [1, 0, 0],  # background as 2
    ]


@given(data=st.data())
def test_rows_sum_to_objects_and_columns_to_detections(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    matches = data.draw(scenes)
    least = {class_id: data.draw(st.sampled_from([0.0, 0.5])) for class_id in matches.class_ids}
    counts = confusion_matrix(matches, least).counts
    assert counts[-1, -1] == 0
    for label, class_id in enumerate(matches.class_ids):
        assert counts[label].sum() == (matches.ground_truth.class_ids == class_id).sum()
        of_class = matches.predictions.class_ids == class_id
        enough = matches.predictions.scores >= least[class_id]
        assert counts[:, label].sum() == (of_class & enough).sum()
        # Who finds an object in the scoring finds it here.
        assert counts[label, label] == (of_class & enough & matches.found).sum()
