from __future__ import annotations

import numpy as np

from detector.classes import ObjectClass
from detector.report.analysis.differing import differing_images
from detector.scoring.evaluation import Evaluation
from detector.scoring.outcomes import Outcomes

CAT, DOG = ObjectClass(1, "", "cat"), ObjectClass(2, "", "dog")
OBJECTS = [(0, 1), (0, 2), (1, 1), (2, 1), (2, 1)]  # image and class
Row = tuple[int, int, float, bool]  # image, class, score, whether it finds an object


def evaluation(rows: list[Row], classes: tuple[ObjectClass, ...] = (CAT, DOG)) -> Evaluation:
    ids = {1: classes[0].id, 2: classes[1].id}
    outcomes = Outcomes(
        "voc", 4,
        np.array([row[0] for row in rows], np.int64),
        np.array([ids[row[1]] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
        np.array([row[3] for row in rows], np.bool_),
        np.array([one[0] for one in OBJECTS]),
        np.array([ids[one[1]] for one in OBJECTS]),
    )  # fmt: skip
    return Evaluation("x", outcomes, classes, tuple("abcd"))


FIRST = evaluation([(0, 1, 0.9, True), (1, 1, 0.8, True), (3, 1, 0.7, False), (2, 1, 0.6, True)])


def test_detectors_that_find_the_same_differ_on_no_image() -> None:
    assert differing_images(FIRST, FIRST, (CAT, DOG), 12) == ([], [])
    nothing = evaluation([])
    assert differing_images(nothing, nothing, (CAT, DOG), 12) == ([], [])


def test_images_are_told_by_which_detector_does_better() -> None:
    second = evaluation(
        [(0, 2, 0.9, True), (2, 1, 0.9, True), (2, 1, 0.8, True), (1, 1, 0.1, False)]
    )
    better, worse = differing_images(FIRST, second, (CAT, DOG), 12)
    # On image 0, one finds the cat and the other the dog; the last detection is below the best F1.
    assert [one.image for one in better] == [2, 3]
    assert [one.image for one in worse] == [1]
    assert (better[0].objects, better[0].found, better[0].false) == (2, (1, 2), (0, 0))
    assert (better[0].more_found, better[0].more_false) == ({CAT: 1}, {})
    assert (better[1].objects, better[1].found, better[1].false) == (0, (0, 0), (1, 0))
    assert (better[1].more_found, better[1].more_false) == ({}, {CAT: -1})
    assert [one.gain for one in (*better, *worse)] == [1, 1, -1]
    assert differing_images(FIRST, second, (CAT, DOG), 1)[0] == better[:1]


def test_classes_may_have_other_numbers_in_the_second() -> None:
    other = (ObjectClass(7, "", "cat"), ObjectClass(5, "", "dog"))
    second = evaluation([(2, 1, 0.9, True), (2, 1, 0.8, True)], other)
    better, worse = differing_images(FIRST, second, (CAT, DOG), 12)
    assert [one.image for one in better] == [2, 3]
    assert [one.image for one in worse] == [0, 1]
    assert worse[0].more_found == {CAT: -1}


def test_classes_that_are_not_compared_do_not_count() -> None:
    second = evaluation([(0, 2, 0.9, True)])
    better, worse = differing_images(evaluation([]), second, (CAT,), 12)
    assert (better, worse) == ([], [])
