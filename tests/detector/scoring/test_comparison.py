from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.classes import ObjectClass, select_classes
from detector.scoring.comparison import Change, check_comparable, compare, resample
from detector.scoring.evaluation import Evaluation
from detector.scoring.outcomes import Outcomes
from detector.scoring.protocols import score_outcomes
from proposals.evaluation.bootstrap import Interval

CAR, DOG = select_classes(["car", "dog"])
SOFA = ObjectClass(7, "", "sofa")
Row = tuple[int, int, float, bool]  # image, class id, score, whether it finds an object
IMAGES, RESAMPLES, SEED = 4, 20, 3
IDS = (CAR.id, DOG.id)


def outcomes_of(rows: list[Row], objects: list[tuple[int, int]], count: int = IMAGES) -> Outcomes:
    return Outcomes(
        protocol="ilsvrc",
        image_count=count,
        image_indices=np.array([row[0] for row in rows], np.int64),
        class_ids=np.array([row[1] for row in rows], np.int64),
        scores=np.array([row[2] for row in rows], np.float64),
        found=np.array([row[3] for row in rows], np.bool_),
        object_image_indices=np.array([one[0] for one in objects], np.int64),
        object_class_ids=np.array([one[1] for one in objects], np.int64),
    )


def evaluation_of(
    rows: list[Row], objects: list[tuple[int, int]], *classes: ObjectClass, count: int = IMAGES
) -> Evaluation:
    names = tuple(f"image {index}" for index in range(count))
    return Evaluation("x", outcomes_of(rows, objects, count), classes or (CAR, DOG), names)


def slow_resamples(rows: list[Row], objects: list[tuple[int, int]]) -> np.ndarray:
    """Return the APs (RESAMPLES, 2) of sets in which each image stands as often as it was drawn."""
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(RESAMPLES):
        drawn = random.integers(IMAGES, size=IMAGES).tolist()
        repeated = outcomes_of(
            [(n, *row[1:]) for row in rows for n, i in enumerate(drawn) if i == row[0]],
            [(n, one[1]) for one in objects for n, i in enumerate(drawn) if i == one[0]],
        )
        found.append(list(score_outcomes(repeated, IDS).ap_by_class.values()))
    return np.array(found)


def slow_mean(precisions: np.ndarray) -> np.ndarray:
    rows = [[ap for ap in row if not isnan(ap)] for row in precisions.tolist()]
    return np.array([sum(row) / len(row) if row else nan for row in rows])


images, ids = st.integers(0, IMAGES - 1), st.sampled_from(IDS)
scores = st.sampled_from([0.25, 0.5]) | st.floats(0, 1)
detections = st.lists(st.tuples(images, ids, scores), max_size=12)


def with_hits(rows: list[tuple[int, int, float]], objects: list[tuple[int, int]]) -> list[Row]:
    """Let the first detections of an image and class find its objects."""
    left = list(objects)
    found = []
    for image, class_id, confidence in rows:
        hit = (image, class_id) in left
        if hit:
            left.remove((image, class_id))
        found.append((image, class_id, confidence, hit))
    return found


@settings(max_examples=60)
@example(objects=[(0, CAR.id)], first=[], second=[])
@example(  # of equal means that differ in their last bits
    objects=[(0, CAR.id)] * 5 + [(0, DOG.id)] * 3,
    first=[(1, CAR.id, 0.25), (0, CAR.id, 0.25), (0, DOG.id, 0.25)],
    second=[(0, CAR.id, 0.25), (0, CAR.id, 0.25)],
)
@given(
    objects=st.lists(st.tuples(images, ids), min_size=1, max_size=8),
    first=detections,
    second=detections,
)
def test_changes_are_those_of_images_really_repeated(
    objects: list[tuple[int, int]],
    first: list[tuple[int, int, float]],
    second: list[tuple[int, int, float]],
) -> None:
    rows = [with_hits(one, objects) for one in (first, second)]
    resampled = [
        resample(evaluation_of(one, objects), seed=SEED, resamples=RESAMPLES) for one in rows
    ]
    found = compare(resampled[0], resampled[1])
    resampled = [slow_resamples(one, objects) for one in rows]
    gains = 100 * (resampled[1] - resampled[0])  # (RESAMPLES, 2)
    for number, change in enumerate(found.by_class.values()):
        check(change, gains[:, number])
        in_class = [image for image, class_id in objects if class_id == IDS[number]]
        assert change.images == len(set(in_class))
    check(found.mean_ap, 100 * (slow_mean(resampled[1]) - slow_mean(resampled[0])))
    assert found.mean_ap.images == len({image for image, _ in objects})
    aps = [score_outcomes(outcomes_of(one, objects), IDS).mean_ap for one in rows]
    assert (found.mean_ap.first, found.mean_ap.second) == pytest.approx(aps)
    assert found.mean_ap.points.estimate == pytest.approx(100 * (aps[1] - aps[0]))


def check(change: Change, gains: np.ndarray) -> None:
    known = gains[~np.isnan(gains)]
    assert change.resamples == len(known)
    if len(known):
        assert change.better == np.count_nonzero(known > 1e-9)
        low, high = np.quantile(known, [0.025, 0.975])
        points = change.points
        expected = [min(low, points.estimate), max(high, points.estimate)]
        np.testing.assert_allclose([points.low, points.high], expected, atol=1e-9)


OBJECTS = [(image, CAR.id) for image in range(30)]
ALL = evaluation_of([(image, CAR.id, 0.5, True) for image in range(30)], OBJECTS, count=30)
HALF = evaluation_of([(image, CAR.id, 0.5, True) for image in range(15)], OBJECTS, count=30)


@pytest.mark.parametrize(
    ("first", "second", "verdict", "better"),
    [(ALL, ALL, "undecided", 0), (HALF, ALL, "better", 1000), (ALL, HALF, "worse", 0)],
)
def test_the_verdict_says_what_the_second_is(
    first: Evaluation, second: Evaluation, verdict: str, better: int
) -> None:
    found = compare(resample(first, seed=0), resample(second, seed=0))
    assert found.mean_ap.verdict == verdict
    assert (found.mean_ap.better, found.mean_ap.resamples) == (better, 1000)
    assert found.by_class[CAR] == found.mean_ap  # dogs have no objects
    assert found.by_class[DOG].resamples == 0
    assert found.by_class[DOG].verdict == "undecided"


@pytest.mark.parametrize(("count", "verdict"), [(1, "undecided"), (5, "undecided"), (6, "better")])
def test_where_few_images_hold_an_object_nothing_is_decided(count: int, verdict: str) -> None:
    # Twelve objects more in the first image do not make it two.
    objects = [(image, CAR.id) for image in range(count)] + [(0, CAR.id)] * 12
    hits: list[Row] = [(image, CAR.id, 0.5, True) for image, _ in objects]
    nothing, everything = (evaluation_of(rows, objects, count=30) for rows in ([], hits))
    found = compare(resample(nothing, seed=0), resample(everything, seed=0))
    assert found.mean_ap.points.low > 0
    assert (found.by_class[CAR].verdict, found.mean_ap.verdict) == (verdict, verdict)
    assert compare(resample(everything, seed=0), resample(nothing, seed=0)).mean_ap.verdict in (
        "undecided",
        "worse",
    )


def test_the_interval_of_paired_resamples_is_narrower_than_that_of_others() -> None:
    paired = compare(resample(HALF, seed=0), resample(ALL, seed=0)).mean_ap.points
    same = compare(resample(HALF, seed=0), resample(HALF, seed=0)).mean_ap.points
    other = compare(resample(HALF, seed=0), resample(HALF, seed=1)).mean_ap.points
    assert paired.estimate == 50
    assert same == Interval(0, 0, 0)
    assert other.high - other.low > 20


def test_classes_of_one_only_are_left_out() -> None:
    rows: list[Row] = [(0, CAR.id, 0.5, True), (0, DOG.id, 0.9, False)]
    objects = [(0, CAR.id), (0, DOG.id)]
    first = evaluation_of(rows, objects, DOG, CAR)
    # The same class may have another number elsewhere.
    own = ObjectClass(3, CAR.wnid, "car")
    second = evaluation_of([(0, 3, 0.5, False)], [(0, 3), (1, 7)], own, SOFA)
    found = compare(resample(first, seed=0), resample(second, seed=0))
    assert list(found.by_class) == [CAR]
    assert found.left_out == (DOG, SOFA)
    assert (found.mean_ap.first, found.mean_ap.second) == (1, 0)


FEW = evaluation_of([], [(0, CAR.id)])


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            replace(FEW, outcomes=replace(FEW.outcomes, protocol="coco")),
            "rules of coco, the first by those of ilsvrc: score both with one --protocol",
        ),
        (
            evaluation_of([], [(0, CAR.id)], count=5),
            "of 5 images, the first of 4, and 1 are .*'ima",
        ),
        (replace(FEW, image_ids=FEW.image_ids[::-1]), "of the first, but in another order: score"),
        (evaluation_of([], [(1, CAR.id)]), "of car, 1 objects are asked for, of the first 1, or"),
        (evaluation_of([], [(0, 7)], SOFA), "no class that the first has, too, has an object"),
        (evaluation_of([], [(0, CAR.id)] * 2), "of car, 2 objects are asked for, of the first 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(second: Evaluation, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_comparable(FEW, second)


def test_no_image_is_refused() -> None:
    nothing = evaluation_of([], [], count=0)
    with pytest.raises(ValueError, match="has an object"):
        check_comparable(nothing, nothing)
