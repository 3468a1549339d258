from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.scoring import (
    PROTOCOLS,
    GroundTruth,
    Predictions,
    Protocol,
    bootstrap_classes,
    bootstrap_outcomes,
    gather_ground_truth,
    gather_predictions,
    match,
    percentile_interval,
    score_outcomes,
)

Row = tuple[int, int, int]  # image, class, which of three places
Detection = tuple[int, int, int, float]
IMAGES, CLASSES = 4, (1, 2, 3)


def boxes_of(places: list[int]) -> np.ndarray:
    """Return boxes of three places; the first two overlap enough to be taken for each other."""
    corners = np.array([(0, 0, 40, 40), (4, 0, 44, 40), (100, 0, 140, 40)], np.float32)
    return corners[places].reshape(-1, 4)


def truth_of(objects: list[Row]) -> GroundTruth:
    images, classes, places = (
        (list(column) for column in zip(*objects, strict=True)) if objects else ([], [], [])
    )
    return GroundTruth(np.array(images, int), np.array(classes, int), boxes_of(places))


def predictions_of(detections: list[Detection]) -> Predictions:
    columns = zip(*detections, strict=True) if detections else ([], [], [], [])
    images, classes, places, scores = (list(column) for column in columns)
    return Predictions(
        np.array(images, int), np.array(classes, int), boxes_of(places), np.array(scores, float)
    )


def slow_bootstrap(
    objects: list[Row],
    detections: list[Detection],
    blacklist: frozenset[tuple[int, int]],
    seed: int,
    resamples: int,
    protocol: Protocol,
) -> list[float]:
    """Score sets in which every drawn image really stands as often as it was drawn."""
    random = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        # Sorted, as COCO's rules rank equal scores by the number of the image.
        drawn = sorted(random.integers(IMAGES, size=IMAGES).tolist())
        # Copies of a row stand side by side, as equal scores go by the order of the rows.
        outcomes = match(
            truth_of(
                [(n, *row[1:]) for row in objects for n, i in enumerate(drawn) if i == row[0]]
            ),
            predictions_of(
                [(n, *row[1:]) for row in detections for n, i in enumerate(drawn) if i == row[0]]
            ),
            CLASSES,
            frozenset((n, c) for i, c in blacklist for n, image in enumerate(drawn) if image == i),
            protocol=protocol,
            image_count=IMAGES,
        )
        means.append(score_outcomes(outcomes, CLASSES).mean_ap)
    return means


images, classes, places = st.integers(0, IMAGES - 1), st.sampled_from(CLASSES), st.integers(0, 2)
scores = st.sampled_from([0.0, 0.25, 0.5]) | st.floats(0, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=50)
@example(objects=[], detections=[], blacklist=frozenset(), seed=0)
@example(objects=[], detections=[(0, 1, 0, 0.5)], blacklist=frozenset(), seed=0)
@example(objects=[(3, 2, 1)], detections=[], blacklist=frozenset(), seed=0)
@given(
    objects=st.lists(st.tuples(images, classes, places), max_size=12),
    detections=st.lists(st.tuples(images, classes, places, scores), max_size=25),
    blacklist=st.frozensets(st.tuples(images, classes), max_size=2),
    seed=st.integers(0, 9),
)
def test_it_is_the_score_of_images_really_repeated(
    protocol: Protocol,
    objects: list[Row],
    detections: list[Detection],
    blacklist: frozenset[tuple[int, int]],
    seed: int,
) -> None:
    if protocol in {"coco", "ilsvrc"}:
        # They rank equal scores image by image, so that copies would not stand side by side.
        detections = list({(*d[:2], d[3]): d for d in detections}.values())
    outcomes = match(
        truth_of(objects),
        predictions_of(detections),
        CLASSES,
        blacklist,
        protocol=protocol,
        image_count=IMAGES,
    )
    found = bootstrap_outcomes(outcomes, CLASSES, seed=seed, resamples=4)
    expected = slow_bootstrap(objects, detections, blacklist, seed, 4, protocol)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    of_classes = bootstrap_classes(outcomes, CLASSES, seed=seed, resamples=4)
    alone = [bootstrap_outcomes(outcomes, [one], seed=seed, resamples=4) for one in CLASSES]
    np.testing.assert_array_equal(of_classes, alone)


def test_no_objects_have_no_map_and_no_interval() -> None:
    outcomes = match(
        gather_ground_truth([], []), gather_predictions([]), [], protocol="ilsvrc", image_count=2
    )
    found = bootstrap_outcomes(outcomes, [], seed=0, resamples=3)
    assert np.isnan(found).all()
    interval = percentile_interval(nan, found)
    assert isnan(interval.low)
    assert isnan(interval.high)


def test_a_seed_draws_the_same_images_whatever_is_predicted() -> None:
    objects: list[Row] = [(image, 1, 0) for image in range(IMAGES)]
    # Half of the objects found is half of those drawn.
    half = predictions_of([(0, 1, 0, 0.9), (1, 1, 0, 0.9)])
    other = predictions_of([(2, 1, 0, 0.9), (3, 1, 0, 0.9)])
    maps = [
        bootstrap_outcomes(outcomes, [1], seed=5)
        for outcomes in (
            match(truth_of(objects), one, [1], protocol="ilsvrc", image_count=IMAGES)
            for one in (half, other)
        )
    ]
    np.testing.assert_allclose(maps[0] + maps[1], 1)
    assert 0.4 < maps[0].mean() < 0.6


def test_intervals_leave_out_what_is_unknown() -> None:
    values = np.append(np.linspace(0, 1, 41), [nan, nan])
    interval = percentile_interval(0.4, values)
    assert interval.estimate == 0.4
    assert (interval.low, interval.high) == pytest.approx((0.025, 0.975))


@pytest.mark.parametrize(("estimate", "bounds"), [(-0.5, (-0.5, 0.975)), (1.5, (0.025, 1.5))])
def test_an_interval_reaches_to_its_own_estimate(
    estimate: float, bounds: tuple[float, float]
) -> None:
    interval = percentile_interval(estimate, np.linspace(0, 1, 41))
    assert (interval.low, interval.high) == pytest.approx(bounds)


@pytest.mark.parametrize(
    ("objects", "image_count", "message"),
    [([], 0, "at least 1"), ([(3, 1, 0)], 3, "3 and image 3")],
)
def test_images_beyond_their_number_are_refused(
    objects: list[Row], image_count: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_outcomes(
            match(
                truth_of(objects),
                predictions_of([]),
                [1],
                protocol="ilsvrc",
                image_count=image_count,
            ),
            [1],
            seed=0,
        )


def test_sets_are_drawn_alike_however_many_of_them() -> None:
    objects: list[Row] = [(image, 1, 0) for image in range(IMAGES)]
    outcomes = match(
        truth_of(objects),
        predictions_of([(0, 1, 0, 0.9), (2, 1, 0, 0.8), (2, 1, 2, 0.7), (1, 1, 0, 0.6)]),
        [1],
        protocol="ilsvrc",
        image_count=IMAGES,
    )
    many = bootstrap_outcomes(outcomes, [1], seed=3, resamples=150)
    for count in (0, 1, 64, 65):
        few = bootstrap_outcomes(outcomes, [1], seed=3, resamples=count)
        np.testing.assert_array_equal(few, many[:count])
