from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.report import Confusion, Matches
from detector.report.analysis.examples import choose_examples, owner_of, shown_cell
from detector.report.analysis.occurrences import Occurrences, find_occurrences

A, B = (0, 0, 100, 100), (300, 300, 400, 400)
ALL = {1: 0.0, 2: 0.0, 3: 0.0}


def test_the_surest_stand_first_and_the_largest_of_the_missed(
    make_matches: Callable[..., Matches],
) -> None:
    objects = [(0, 1, A), (1, 1, A), (2, 2, (0, 0, 9, 9)), (0, 2, B)]
    detections = [(0, 1, A, 0.3), (1, 1, A, 0.9), (2, 3, B, 0.5)]
    found = find_occurrences(make_matches(objects, detections), ALL)
    assert [found.detections[row] for row in found.rows_of((0, 0))] == [1, 0]
    assert [found.objects[row] for row in found.rows_of((1, 3))] == [3, 2]
    assert [found.detections[row] for row in found.rows_of((3, 2))] == [2]
    assert list(found.rows_of((2, 2))) == []
    assert found.images.tolist() == [1, 0, 0, 2, 2]


@given(data=st.data())
def test_every_row_stands_in_the_cell_of_its_object_and_its_detection(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    matches = data.draw(scenes)
    found = find_occurrences(matches, ALL)
    for row in range(len(found.there)):
        detection, its_object = found.detections[row], found.objects[row]
        there, detected = found.there[row], found.detected[row]
        assert (its_object == -1) == (there == 3)
        assert (detection == -1) == (detected == 3)
        if its_object != -1:
            assert matches.ground_truth.class_ids[its_object] == found.class_ids[there]
            assert matches.ground_truth.image_indices[its_object] == found.images[row]
        if detection != -1:
            assert matches.predictions.class_ids[detection] == found.class_ids[detected]
            assert matches.predictions.image_indices[detection] == found.images[row]
        assert row in found.rows_of((int(there), int(detected)))
    assert sorted(found.objects[found.objects >= 0]) == list(range(len(matches.ground_truth)))
    assert sorted(found.detections[found.detections >= 0]) == list(range(len(matches.predictions)))


def counted(counts: list[list[int]]) -> Occurrences:
    """Return occurrences of these counts (C + 1, C + 1), each of an image of its own."""
    cells = [
        (there, detected)
        for there, row in enumerate(counts)
        for detected, count in enumerate(row)
        for _ in range(count)
    ]
    there, detected = np.array(cells, np.int64).reshape(-1, 2).T
    rows = np.arange(len(cells))
    return Occurrences(tuple(range(1, len(counts))), there, detected, rows, rows, rows)


def test_nothing_has_no_examples() -> None:
    nothing = counted([[0, 0], [0, 0]])
    assert choose_examples(nothing, np.arange(2)) == {}


def test_every_cell_has_an_example_and_common_ones_have_more() -> None:
    occurrences = counted([[9, 2, 1], [0, 4, 0], [5, 0, 0]])
    chosen = choose_examples(occurrences, np.arange(3), per_cell=2)
    assert {cell: len(rows) for cell, rows in chosen.items()} == {
        (0, 0): 2, (0, 1): 2, (0, 2): 1, (1, 1): 2, (2, 0): 2,
    }  # fmt: skip


def test_where_room_is_short_each_class_has_its_commonest_error_first() -> None:
    occurrences = counted([[9, 2, 1], [0, 4, 0], [1, 3, 0]])
    # Background taken for the second class is its error; the first class's is the confusion.
    chosen = choose_examples(occurrences, np.arange(3), most=2)
    assert chosen == {(2, 1): [17], (0, 1): [9]}
    assert len(choose_examples(occurrences, np.arange(3), most=3)) == 3


def test_examples_of_a_cell_are_of_different_images() -> None:
    occurrences = counted([[4, 0], [0, 0]])
    crowded = Occurrences(
        occurrences.class_ids, occurrences.there, occurrences.detected,
        occurrences.detections, occurrences.objects, np.array([7, 7, 7, 8]),
    )  # fmt: skip
    assert choose_examples(crowded, np.arange(2)) == {(0, 0): [0, 3]}


def test_of_merged_classes_the_commonest_cell_is_the_example() -> None:
    occurrences = counted([[0, 1, 0, 0], [0, 0, 1, 3], [0, 2, 0, 0], [0, 0, 0, 0]])
    places = Confusion((1, 2, 3), occurrences.counts).places([1])
    assert places.tolist() == [0, 1, 1, 2]
    chosen = choose_examples(occurrences, places)
    assert set(chosen) == {(0, 1), (1, 3), (2, 1)}  # not the rarer confusion among the others
    assert shown_cell((2, 1), places) == (1, 1)
    assert [owner_of(cell, 3) for cell in ((0, 1), (3, 1), (1, 3))] == [0, 1, 1]
