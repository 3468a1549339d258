from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.scoring import Blacklist, GroundTruth, Predictions, Score, match, score_outcomes

Box = tuple[float, float, float, float]  # x1, y1, x2, y2, exclusive
Object = tuple[int, int, Box]  # image, class
Detection = tuple[int, int, Box, float]

BIG: Box = (0, 0, 100, 100)


def run(
    objects: Sequence[Object],
    detections: Sequence[Detection],
    classes: Sequence[int] = (1,),
    blacklist: Blacklist = frozenset(),
) -> Score:
    ground_truth = GroundTruth(
        np.array([o[0] for o in objects]),
        np.array([o[1] for o in objects]),
        np.array([o[2] for o in objects], np.float32),
    )
    predictions = Predictions(
        np.array([d[0] for d in detections]),
        np.array([d[1] for d in detections]),
        np.array([d[2] for d in detections], np.float32),
        np.array([d[3] for d in detections]),
    )
    images = 1 + max((row[0] for row in (*objects, *detections)), default=0)
    outcomes = match(
        ground_truth, predictions, classes, blacklist, protocol="ilsvrc", image_count=images
    )
    return score_outcomes(outcomes, classes)


# The slow way: the rules one after another, in the devkit's inclusive pixels.


def inclusive(box: Box) -> Box:
    return box[0], box[1], box[2] - 1, box[3] - 1


def plain_overlap(a: Box, b: Box) -> float:
    iw = min(a[2], b[2]) - max(a[0], b[0]) + 1
    ih = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if iw <= 0 or ih <= 0:
        return 0.0
    area_a = (a[2] - a[0] + 1) * (a[3] - a[1] + 1)
    area_b = (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
    return iw * ih / (area_a + area_b - iw * ih)


def plain_threshold(box: Box) -> float:
    w, h = box[2] - box[0] + 1, box[3] - box[1] + 1
    return min(0.5, w * h / ((w + 10) * (h + 10)))


def plain_ap(objects: list[tuple[int, Box]], detections: list[tuple[int, Box, float]]) -> float:
    if not objects:
        return nan
    taken: set[int] = set()
    hits: list[bool] = []
    # The devkit sorts by image, then by confidence; both times equals stay in their order.
    by_image = sorted(detections, key=lambda detection: detection[0])
    for image, box, _ in sorted(by_image, key=lambda detection: -detection[2]):
        candidates = [
            (plain_overlap(box, other), -number)
            for number, (its_image, other) in enumerate(objects)
            if its_image == image and number not in taken
            if plain_overlap(box, other) > 0
            if plain_overlap(box, other) >= plain_threshold(other)
        ]
        if candidates:
            taken.add(-max(candidates)[1])
        hits.append(bool(candidates))
    points = []
    for count in range(1, len(hits) + 1):
        points.append((sum(hits[:count]) / len(objects), sum(hits[:count]) / count))
    area, reached = 0.0, 0.0
    for recall, _ in points:
        if recall > reached:
            area += (recall - reached) * max(p for r, p in points if r >= recall)
            reached = recall
    return area


def plain_score(
    objects: Sequence[Object],
    detections: Sequence[Detection],
    classes: Sequence[int],
    blacklist: Blacklist,
) -> dict[int, float]:
    return {
        c: plain_ap(
            [(o[0], inclusive(o[2])) for o in objects if o[1] == c and (o[0], c) not in blacklist],
            [
                (d[0], inclusive(d[2]), d[3])
                for d in detections
                if d[1] == c and (d[0], c) not in blacklist
            ],
        )
        for c in classes
    }


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    # Quarters of pixels are exact in float32, so that both ways compute the same overlaps.
    x, y = draw(st.integers(0, 12)) / 4, draw(st.integers(0, 12)) / 4
    largest = draw(st.sampled_from([3, 24]))
    w, h = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    return x, y, x + w, y + h


images, classes_ = st.integers(0, 2), st.integers(1, 3)
confidences = st.sampled_from([0.0, 0.25, 0.5, 0.75]) | st.floats(-2, 2, width=32)


@settings(max_examples=300, deadline=None)
@example(objects=[], detections=[], blacklist=frozenset())
@example(objects=[], detections=[(0, 1, BIG, 0.5)], blacklist=frozenset())
@example(objects=[(0, 1, BIG)], detections=[], blacklist=frozenset())
@given(
    objects=st.lists(st.tuples(images, classes_, boxes()), max_size=12),
    detections=st.lists(st.tuples(images, classes_, boxes(), confidences), max_size=25),
    blacklist=st.frozensets(st.tuples(images, classes_), max_size=2),
)
def test_it_scores_as_the_rules_read(
    objects: list[Object], detections: list[Detection], blacklist: Blacklist
) -> None:
    result = run(objects, detections, (1, 2), blacklist)
    expected = plain_score(objects, detections, (1, 2), blacklist)
    assert result.ap_by_class == pytest.approx(expected, abs=1e-9, nan_ok=True)
    known = [ap for ap in expected.values() if not isnan(ap)]
    mean = sum(known) / len(known) if known else nan
    assert result.mean_ap == pytest.approx(mean, abs=1e-9, nan_ok=True)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(images, st.just(1), boxes()), max_size=8),
    st.lists(st.tuples(images, st.just(1), boxes(), st.floats(0, 1)), max_size=12, unique=True),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter_where_scores_differ(
    objects: list[Object], detections: list[Detection], random: Random
) -> None:
    distinct = list({d[3]: d for d in detections}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)
    assert run(objects, shuffled).mean_ap == pytest.approx(
        run(objects, distinct).mean_ap, abs=1e-12, nan_ok=True
    )


def test_nothing_at_all_has_no_average_precision() -> None:
    result = run([], [], ())
    assert result.ap_by_class == {}
    assert isnan(result.mean_ap)


def test_a_class_without_objects_is_reported_and_left_out_of_the_mean() -> None:
    result = run([(0, 1, BIG)], [(0, 1, BIG, 0.9), (0, 2, BIG, 0.9)], (1, 2))
    assert isnan(result.ap_by_class[2])
    assert result.classes_without_objects == (2,)
    assert result.curves[2].detections == 1
    assert np.isnan(result.curves[2].recall).all()
    assert result.mean_ap == 1


def test_a_class_that_nobody_detects_counts_as_zero() -> None:
    result = run([(0, 1, BIG), (0, 2, BIG)], [(0, 1, BIG, 0.9)], (1, 2))
    assert result.ap_by_class == {1: 1, 2: 0}
    assert result.mean_ap == 0.5


def test_the_area_under_the_envelope_by_hand() -> None:
    # hit, miss, hit, miss, hit of 4 objects: precision 1, 1/2, 2/3, 1/2, 3/5
    objects = [(image, 1, BIG) for image in range(4)]
    away = (500, 500, 600, 600)
    detections = [
        (0, 1, BIG, 0.9),
        (0, 1, away, 0.8),
        (1, 1, BIG, 0.7),
        (1, 1, away, 0.6),
        (2, 1, BIG, 0.5),
    ]
    result = run(objects, detections)
    assert result.mean_ap == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    curve = result.curves[1]
    assert (curve.objects, curve.detections) == (4, 5)
    assert curve.precision == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2, 3 / 5])
    assert curve.recall == pytest.approx([1 / 4, 1 / 4, 1 / 2, 1 / 2, 3 / 4])
    assert curve.scores.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5]


def test_an_overlap_of_exactly_one_half_finds_a_big_object() -> None:
    assert run([(0, 1, BIG)], [(0, 1, (0, 0, 100, 50), 0.9)]).mean_ap == 1
    assert run([(0, 1, BIG)], [(0, 1, (0, 0, 100, 49), 0.9)]).mean_ap == 0


def test_a_small_object_is_found_at_its_own_threshold() -> None:
    # 10 x 10 inclusive pixels: 100 / (20 * 20) = 0.25
    small = (0, 0, 10, 10)
    assert run([(0, 1, small)], [(0, 1, (0, 0, 20, 20), 0.9)]).mean_ap == 1  # IoU 0.25
    assert run([(0, 1, small)], [(0, 1, (0, 0, 21, 20), 0.9)]).mean_ap == 0


def test_an_object_of_one_pixel_is_not_found_by_a_box_that_only_touches_it() -> None:
    assert run([(0, 1, (0, 0, 1, 1))], [(0, 1, (1, 0, 2, 1), 0.9)]).mean_ap == 0


def test_an_object_is_found_once() -> None:
    result = run([(0, 1, BIG), (1, 1, BIG)], [(0, 1, BIG, 0.9), (0, 1, BIG, 0.8)])
    assert result.curves[1].precision.tolist() == [1, 0.5]


def test_a_second_detection_takes_another_object_than_its_favourite() -> None:
    # Both lie nearest to the first object. VOC would count the second detection as wrong.
    objects: list[Object] = [(0, 1, (0, 0, 100, 100)), (0, 1, (20, 0, 120, 100))]
    detections = [(0, 1, (0, 0, 100, 100), 0.9), (0, 1, (5, 0, 105, 100), 0.8)]
    assert run(objects, detections).mean_ap == 1


def test_the_surer_detection_chooses_first() -> None:
    first: Object = (0, 1, (0, 0, 100, 100))
    second: Object = (0, 1, (40, 0, 140, 100))
    between, only_first = (20, 0, 120, 100), (0, 0, 100, 100)
    surer_between = [(0, 1, only_first, 0.1), (0, 1, between, 0.9)]
    # It takes the first object, as both overlap equally; the other is left with the second.
    assert run([first, second], surer_between).curves[1].precision.tolist() == [1, 0.5]
    assert run([second, first], surer_between).curves[1].precision.tolist() == [1, 1]


def test_between_equal_scores_the_earlier_row_goes_first() -> None:
    miss: Detection = (0, 1, (500, 500, 600, 600), 0.5)
    hit: Detection = (0, 1, BIG, 0.5)
    assert run([(0, 1, BIG)], [hit, miss]).mean_ap == 1
    assert run([(0, 1, BIG)], [miss, hit]).mean_ap == 0.5


def test_the_blacklist_removes_detections_and_objects() -> None:
    objects = [(0, 1, BIG), (1, 1, BIG), (1, 2, BIG)]
    detections = [(0, 1, BIG, 0.2), (1, 1, (500, 500, 600, 600), 0.9), (1, 2, BIG, 0.9)]
    assert run(objects, detections, (1, 2)).ap_by_class == {1: 0.25, 2: 1}
    result = run(objects, detections, (1, 2), frozenset({(1, 1)}))
    assert result.ap_by_class == {1: 1, 2: 1}
    assert (result.curves[1].objects, result.curves[1].detections) == (1, 1)


def test_objects_of_other_images_and_classes_are_not_found() -> None:
    assert run([(0, 1, BIG)], [(1, 1, BIG, 0.9), (0, 2, BIG, 0.9)]).mean_ap == 0


def test_there_is_no_cap_on_detections() -> None:
    misses: list[Detection] = [(0, 1, (500, 500, 600, 600), 0.9)] * 999
    assert run([(0, 1, BIG)], [*misses, (0, 1, BIG, 0.1)]).mean_ap == pytest.approx(1e-3)
