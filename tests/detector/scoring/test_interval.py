from __future__ import annotations

from dataclasses import replace
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from detector.scoring import (
    PROTOCOLS,
    Outcomes,
    Protocol,
    bootstrap_outcomes,
    class_ap_intervals,
    mean_ap_interval,
    percentile_interval,
    score_outcomes,
)
from detector.scoring.interval import warning_of_few_objects
from proposals.evaluation.bootstrap import Interval

Row = tuple[int, int, float, bool]  # image, class, score, whether it finds an object
Object = tuple[int, int]  # image, class
IMAGES, CLASSES = 5, (2, 4, 7)


def outcomes_of(
    rows: list[Row], objects: list[Object], count: int = IMAGES, protocol: Protocol = "ilsvrc"
) -> Outcomes:
    return Outcomes(
        protocol=protocol,
        image_count=count,
        image_indices=np.array([row[0] for row in rows], np.int64),
        class_ids=np.array([row[1] for row in rows], np.int64),
        scores=np.array([row[2] for row in rows], np.float64),
        found=np.array([row[3] for row in rows], np.bool_),
        object_image_indices=np.array([one[0] for one in objects], np.int64),
        object_class_ids=np.array([one[1] for one in objects], np.int64),
    )


def mean_interval(outcomes: Outcomes, classes: tuple[int, ...] = CLASSES) -> Interval:
    return mean_ap_interval(outcomes, score_outcomes(outcomes, classes))


def shares(found: list[int], objects: list[int]) -> Outcomes:
    """Return classes of which so many objects are found, without an error; each in an image."""
    first = [sum(objects[:c]) for c in range(len(objects))]
    rows = [(first[c] + i, c, 0.5, True) for c, count in enumerate(found) for i in range(count)]
    asked = [(first[c] + i, c) for c, count in enumerate(objects) for i in range(count)]
    return outcomes_of(rows, asked, len(asked))


images, classes = st.integers(0, IMAGES - 1), st.sampled_from(CLASSES)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Row], list[Object]]:
    """Give detections, of which the first of an image and class find its objects."""
    objects = draw(st.lists(st.tuples(images, classes), max_size=10))
    scores = st.sampled_from([0.25, 0.5, 0.75]) | st.floats(0, 1)
    left, rows = list(objects), []
    for image, class_id, score in draw(st.lists(st.tuples(images, classes, scores), max_size=20)):
        hit = (image, class_id) in left
        if hit:
            left.remove((image, class_id))
        rows.append((image, class_id, score, hit))
    return rows, objects


def slow_derivatives(rows: list[Row], objects: list[Object], class_id: int) -> np.ndarray:
    """Differentiate the area under the envelope by every image's weight, in small steps."""
    ranked = sorted((row for row in rows if row[1] == class_id), key=lambda row: -row[2])
    asked = [image for image, its_class in objects if its_class == class_id]

    def precision(place: int, weights: np.ndarray) -> float:
        first = ranked[: place + 1]
        hits = sum(weights[row[0]] for row in first if row[3])
        return float(hits / sum(weights[row[0]] for row in first))

    ones, places = np.ones(IMAGES), range(len(ranked))
    peaks = {
        place: max(range(place, len(ranked)), key=lambda one: precision(one, ones))
        for place in places
    }

    def area(weights: np.ndarray) -> float:
        hits = [place for place in places if ranked[place][3]]
        found = sum(weights[ranked[p][0]] * precision(peaks[p], weights) for p in hits)
        return float(found / sum(weights[image] for image in asked))

    step = 1e-5 * np.eye(IMAGES)
    return np.array([(area(ones + one) - area(ones - one)) / 2e-5 for one in step])


def slow_mean_interval(rows: list[Row], objects: list[Object]) -> tuple[float, float]:
    """Do what the module says, step by step."""
    aps, shrunk, variances, images, derivatives = [], [], [], [], []
    for class_id, ap in score_outcomes(outcomes_of(rows, objects), CLASSES).ap_by_class.items():
        if isnan(ap):
            continue
        n = len({image for image, its_class in objects if its_class == class_id})
        slopes = slow_derivatives(rows, objects, class_id)
        middle = (n * ap + 0.5) / (n + 1)
        spread = n * n * (slopes**2).sum() + n * (ap - middle) ** 2
        spread += 0.5 * (1 - middle) ** 2 + 0.5 * middle**2
        aps.append(ap)
        shrunk.append(middle)
        variances.append(spread / (n + 1) / n)
        images.append(n)
        derivatives.append(slopes)
    count, mean = len(aps), sum(aps) / len(aps)
    common = (np.sum(derivatives, axis=0) ** 2).sum() - (np.square(derivatives)).sum()
    variance = (sum(variances) + max(common, 0)) / count**2
    freedom = sum(variances) ** 2 / sum(
        v * v / (n + 1) for v, n in zip(variances, images, strict=True)
    )
    middle = sum(shrunk) / count
    n, t = middle * (1 - middle) / variance, float(stdtrit(freedom, 0.975))
    # Both roots of (mean - p)^2 = t^2 p (1 - p) / n.
    a, b, c = 1 + t * t / n, -2 * mean - t * t / n, mean * mean
    root = sqrt(max(b * b - 4 * a * c, 0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


@settings(max_examples=30)
@example(scene=([], [(0, 2)]))
@example(scene=([(0, 2, 0.5, True)], [(0, 2)]))
@example(scene=([(1, 2, 0.9, False), (0, 2, 0.5, True), (0, 4, 0.5, True)], [(0, 2), (0, 4)]))
@given(scene=scenes())
def test_the_interval_is_that_of_its_description(scene: tuple[list[Row], list[Object]]) -> None:
    rows, objects = scene
    found = mean_interval(outcomes_of(rows, objects))
    if not objects:
        assert isnan(found.low)
        return
    assert (found.low, found.high) == pytest.approx(slow_mean_interval(rows, objects), abs=1e-6)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=15)
@given(scene=scenes())
def test_an_interval_holds_its_own_estimate(
    protocol: Protocol, scene: tuple[list[Row], list[Object]]
) -> None:
    outcomes = outcomes_of(*scene, protocol=protocol)
    score = score_outcomes(outcomes, CLASSES)
    of_classes = class_ap_intervals(outcomes, score)
    assert {key: one.estimate for key, one in of_classes.items()} == {
        key: ap for key, ap in score.ap_by_class.items() if not isnan(ap)
    }
    found = [*of_classes.values()]
    found += [mean_interval(outcomes)] if found else []
    assert all(0 <= one.low <= one.estimate <= one.high <= 1 for one in found)
    assert all(one.low < one.high for one in found)


def test_without_objects_there_is_no_interval() -> None:
    for rows in ([], [(0, 2, 0.5, False)]):
        outcomes = outcomes_of(rows, [])
        assert isnan(mean_interval(outcomes).low)
        assert isnan(mean_interval(outcomes).high)
        assert class_ap_intervals(outcomes, score_outcomes(outcomes, CLASSES)) == {}
    empty = outcomes_of([], [], count=0)
    assert isnan(mean_interval(empty).low)


def test_of_all_objects_found_or_none_an_interval_is_as_wide_as_their_number_lets_it() -> None:
    for count, least in ((1, 0.1), (3, 0.3), (10, 0.7), (100, 0.97)):
        outcomes = shares([count, 0], [count, count])
        by_class = class_ap_intervals(outcomes, score_outcomes(outcomes, [0, 1]))
        assert (by_class[0].high, by_class[1].low) == (1, 0)
        assert by_class[0].low == pytest.approx(1 - by_class[1].high)
        assert by_class[0].low < least
    # Of 100 of 100, Wilson's interval is 0.963 to 1.
    assert by_class[0].low == pytest.approx(0.963, abs=0.003)


def test_of_many_objects_it_is_the_interval_of_a_share() -> None:
    half = mean_interval(shares([500], [1000]), (0,))
    assert (half.low, half.high) == pytest.approx((0.469, 0.531), abs=1e-3)


def test_what_classes_have_in_common_widens_the_interval() -> None:
    objects = [(image, class_id) for image in range(40) for class_id in (2, 4)]
    together = [(image, class_id, 0.5, True) for image in range(20) for class_id in (2, 4)]
    apart = [
        (image + (class_id == 4) * 20, class_id, 0.5, True) for image, class_id, _, _ in together
    ]
    wide, narrow = (mean_interval(outcomes_of(rows, objects, 40)) for rows in (together, apart))
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_images_of_nothing_and_the_order_of_rows_change_nothing() -> None:
    rows = [(0, 2, 0.9, True), (1, 2, 0.8, False), (2, 2, 0.7, True), (1, 4, 0.6, True)]
    objects = [(0, 2), (2, 2), (2, 2), (1, 4), (3, 4)]
    found = mean_interval(outcomes_of(rows, objects))
    other = mean_interval(outcomes_of(rows[::-1], objects[::-1], count=1000), CLASSES[::-1])
    assert (other.low, other.high) == pytest.approx((found.low, found.high))


def test_where_each_class_has_one_object_the_bootstrap_leaves_the_map_out_and_this_does_not() -> (
    None
):
    rows: list[Row] = []
    for class_id in range(60):
        rows += [(2 * class_id, class_id, 0.9, False), (2 * class_id + 1, class_id, 0.5, True)]
    objects = [(2 * class_id + 1, class_id) for class_id in range(60)]
    outcomes = outcomes_of(rows, objects, 120)
    drawn = bootstrap_outcomes(outcomes, range(60), seed=0, resamples=200)
    assert np.quantile(drawn, 0.025) > 0.5
    assert percentile_interval(0.5, drawn).low == 0.5
    found = mean_interval(outcomes, tuple(range(60)))
    assert found.low < 0.45 < 0.55 < found.high


def test_of_simulated_classes_with_few_objects_it_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    truth = random.uniform(0.2, 0.9, 25)
    held = []
    for _ in range(100):
        objects = 1 + random.poisson(3, 25)
        found = mean_interval(
            shares(random.binomial(objects, truth).tolist(), objects.tolist()), tuple(range(25))
        )
        held.append(found.low <= truth.mean() <= found.high)
    assert 90 <= sum(held) <= 99


def test_classes_of_few_objects_are_named_the_fewest_first() -> None:
    names = dict(enumerate("abcd"))
    score = score_outcomes(shares([], [20, 19, 0, 3]), range(4))
    assert warning_of_few_objects(score, names) == (
        "2 classes have fewer than 20 objects, too few to rely on an AP: d 3, b 19"
    )
    enough = score_outcomes(shares([], [20, 0]), range(2))
    assert warning_of_few_objects(enough, names) is None
    many = score_outcomes(shares([], list(range(1, 14))), range(13))
    text = warning_of_few_objects(many, {i: f"class {i}" for i in range(13)})
    assert text is not None
    assert text.endswith("class 8 9, class 9 10 and 3 more")


def test_scores_alone_decide_the_ranking() -> None:
    rows = [(0, 2, 0.1, True), (1, 2, 0.9, False), (2, 2, 0.5, True)]
    outcomes = outcomes_of(rows, [(0, 2), (2, 2)])
    other = replace(outcomes, scores=outcomes.scores**3)
    assert mean_interval(outcomes) == mean_interval(other)
