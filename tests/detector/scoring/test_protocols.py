from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import nan
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.scoring import (
    PROTOCOLS,
    Blacklist,
    GroundTruth,
    Outcomes,
    Predictions,
    Protocol,
    Score,
    match,
    match_objects,
    score_outcomes,
)

Box = tuple[float, float, float, float]  # x1, y1, x2, y2, exclusive

CLASSES = (1, 2)
BIG: Box = (0, 0, 100, 100)
AWAY: Box = (500, 500, 600, 600)


class Object(NamedTuple):
    image: int
    class_id: int
    box: Box
    difficult: bool = False
    crowd: bool = False


class Detection(NamedTuple):
    image: int
    class_id: int
    box: Box
    score: float


def truth_of(objects: Sequence[Object]) -> GroundTruth:
    return GroundTruth(
        np.array([o.image for o in objects]),
        np.array([o.class_id for o in objects]),
        np.array([o.box for o in objects], np.float32),
        np.array([o.difficult for o in objects], np.bool_),
        np.array([o.crowd for o in objects], np.bool_),
    )


def predictions_of(detections: Sequence[Detection]) -> Predictions:
    return Predictions(
        np.array([d.image for d in detections]),
        np.array([d.class_id for d in detections]),
        np.array([d.box for d in detections], np.float32),
        np.array([d.score for d in detections]),
    )


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    # Quarters of pixels are exact in float32, so that both ways compute the same overlaps.
    x, y = draw(st.integers(0, 12)) / 4, draw(st.integers(0, 12)) / 4
    largest = draw(st.sampled_from([3, 24]))
    w, h = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    return x, y, x + w, y + h


images, class_ids = st.integers(0, 2), st.integers(1, 3)
scores = st.sampled_from([0.0, 0.25, 0.5, 0.75]) | st.floats(-2, 2, width=32)
rarely = st.sampled_from([False, False, False, True])
objects_of_any_kind = st.lists(
    st.builds(Object, images, class_ids, boxes(), rarely, rarely), max_size=14
)
detections_of_any_kind = st.lists(
    st.builds(Detection, images, class_ids, boxes(), scores), max_size=30
)
blacklists = st.frozensets(st.tuples(images, class_ids), max_size=2)


def outcomes_of(
    objects: Sequence[Object],
    detections: Sequence[Detection],
    protocol: Protocol,
    blacklist: Blacklist = frozenset(),
) -> Outcomes:
    return match(
        truth_of(objects),
        predictions_of(detections),
        CLASSES,
        blacklist,
        protocol=protocol,
        image_count=3,
    )


def run(objects: Sequence[Object], detections: Sequence[Detection], protocol: Protocol) -> Score:
    return score_outcomes(outcomes_of(objects, detections, protocol), CLASSES)


# The slow way: the rules of VOCevaldet.m one after another, in its inclusive pixels.


def shared_pixels(a: Box, b: Box) -> float:
    (a1, b1, a2, b2), (c1, d1, c2, d2) = ((x1, y1, x2 - 1, y2 - 1) for x1, y1, x2, y2 in (a, b))
    iw, ih = min(a2, c2) - max(a1, c1) + 1, min(b2, d2) - max(b1, d1) + 1
    return iw * ih if iw > 0 and ih > 0 else 0.0


def pixels(box: Box) -> float:
    return shared_pixels(box, box)


def plain_iou(a: Box, b: Box) -> float:
    return shared_pixels(a, b) / (pixels(a) + pixels(b) - shared_pixels(a, b))


def verdicts_voc(objects: list[Object], detections: list[Detection]) -> Iterator[bool]:
    """Yield whether each detection of one class that counts is right, surest first."""
    taken: set[int] = set()
    for detection in sorted(detections, key=lambda d: -d.score):
        here = [
            (plain_iou(detection.box, o.box), -number)
            for number, o in enumerate(objects)
            if o.image == detection.image and not o.crowd
        ]
        iou, number = max(here, default=(0.0, 1))
        favourite = objects[-number] if iou >= 0.5 else None
        if favourite is not None and favourite.difficult:
            continue
        if favourite is not None and number not in taken:
            taken.add(number)
            yield True
        elif not in_a_crowd(objects, detection):
            yield False


def in_a_crowd(objects: list[Object], detection: Detection) -> bool:
    return any(
        o.crowd
        and o.image == detection.image
        and shared_pixels(o.box, detection.box) >= pixels(detection.box) / 2
        for o in objects
    )


def plain_ap_voc(objects: list[Object], detections: list[Detection], protocol: Protocol) -> float:
    asked = sum(not (o.crowd or o.difficult) for o in objects)
    if asked == 0:
        return nan
    hits, points = 0, [(Fraction(0), Fraction(0))]  # recall, precision
    for count, right in enumerate(verdicts_voc(objects, detections), start=1):
        hits += right
        points.append((Fraction(hits, asked), Fraction(hits, count)))
    if protocol == "voc2007":
        levels = [Fraction(i, 10) for i in range(11)]
        return float(sum(max([p for r, p in points if r >= t], default=0) for t in levels) / 11)
    recalls = sorted({r for r, _ in points})
    steps = pairwise(recalls)
    return float(sum((b - a) * max(p for r, p in points if r >= b) for a, b in steps))


@pytest.mark.parametrize("protocol", ["voc2007", "voc"])
@settings(max_examples=200)
@example(objects=[], detections=[], blacklist=frozenset())
@example(objects=[], detections=[Detection(0, 1, BIG, 0.5)], blacklist=frozenset())
@example(objects=[Object(0, 1, BIG)], detections=[], blacklist=frozenset())
@given(objects=objects_of_any_kind, detections=detections_of_any_kind, blacklist=blacklists)
def test_voc_scores_as_its_rules_read(
    protocol: Protocol, objects: list[Object], detections: list[Detection], blacklist: Blacklist
) -> None:
    result = score_outcomes(outcomes_of(objects, detections, protocol, blacklist), CLASSES)
    expected = {
        c: plain_ap_voc(
            [o for o in objects if o.class_id == c and (o.image, c) not in blacklist],
            [d for d in detections if d.class_id == c and (d.image, c) not in blacklist],
            protocol,
        )
        for c in CLASSES
    }
    assert result.ap_by_class == pytest.approx(expected, abs=1e-9, nan_ok=True)


@settings(max_examples=200)
@given(objects=objects_of_any_kind, detections=detections_of_any_kind, blacklist=blacklists)
def test_ilsvrc_leaves_out_what_lies_in_crowds_and_knows_no_difficult_objects(
    objects: list[Object], detections: list[Detection], blacklist: Blacklist
) -> None:
    # Its rules without crowds have their own slow way in test_score.py.
    objects_alone = [o._replace(difficult=False) for o in objects if not o.crowd]
    taken = match_objects(truth_of(objects_alone), predictions_of(detections)) >= 0
    counting = [
        d
        for d, hit in zip(detections, taken, strict=True)
        if hit or not in_a_crowd([o for o in objects if o.class_id == d.class_id], d)
    ]
    expected = score_outcomes(outcomes_of(objects_alone, counting, "ilsvrc", blacklist), CLASSES)
    result = score_outcomes(outcomes_of(objects, detections, "ilsvrc", blacklist), CLASSES)
    assert result.ap_by_class == pytest.approx(expected.ap_by_class, abs=1e-12, nan_ok=True)


@settings(max_examples=100)
@given(objects=objects_of_any_kind, detections=detections_of_any_kind)
def test_each_object_is_taken_once_by_a_detection_of_its_image_and_class(
    objects: list[Object], detections: list[Detection]
) -> None:
    rows = match_objects(truth_of(objects), predictions_of(detections))
    assert rows.shape == (len(detections),)
    taken = rows[rows >= 0].tolist()
    assert len(taken) == len(set(taken))
    for row, detection in zip(rows.tolist(), detections, strict=True):
        if row >= 0:
            assert objects[row][:2] == detection[:2]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_at_all_has_no_average_precision(protocol: Protocol) -> None:
    empty = match(truth_of([]), predictions_of([]), (), protocol=protocol, image_count=0)
    assert len(empty.scores) == len(empty.object_class_ids) == 0
    assert score_outcomes(empty, ()).ap_by_class == {}
    assert run([], [], protocol).mean_ap == pytest.approx(nan, nan_ok=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_class_without_objects_has_no_ap_and_one_without_detections_has_zero(
    protocol: Protocol,
) -> None:
    result = run([Object(0, 1, BIG)], [Detection(0, 2, BIG, 0.9)], protocol)
    assert result.ap_by_class == pytest.approx({1: 0, 2: nan}, nan_ok=True)
    assert result.classes_without_objects == (2,)
    assert result.mean_ap == 0


@pytest.mark.parametrize(
    ("protocol", "expected"), [("ilsvrc", 1), ("voc2007", 0.5), ("voc", 0.5), ("coco", 1)]
)
def test_where_the_favourite_is_taken_voc_alone_gives_up(
    protocol: Protocol, expected: float
) -> None:
    objects = [Object(0, 1, (0, 0, 100, 100)), Object(0, 1, (20, 0, 120, 100))]
    detections = [Detection(0, 1, (0, 0, 100, 100), 0.9), Detection(0, 1, (5, 0, 105, 100), 0.8)]
    # Half of the objects reach levels 0 to 0.5: six of eleven.
    expected = 6 / 11 if protocol == "voc2007" else expected
    assert run(objects, detections, protocol).mean_ap == pytest.approx(expected)


@pytest.mark.parametrize(
    ("protocol", "objects", "detections"),
    [("ilsvrc", 2, 2), ("voc2007", 1, 1), ("voc", 1, 1), ("coco", 2, 2)],
)
def test_voc_alone_neither_asks_for_difficult_objects_nor_counts_what_finds_them(
    protocol: Protocol, objects: int, detections: int
) -> None:
    curve = run(
        [Object(0, 1, BIG), Object(1, 1, BIG, difficult=True)],
        [Detection(0, 1, BIG, 0.5), Detection(1, 1, BIG, 0.9)],
        protocol,
    ).curves[1]
    assert (curve.objects, curve.detections) == (objects, detections)
    assert curve.average_precision == pytest.approx(1)


def test_of_two_objects_that_overlap_alike_voc_looks_at_the_first() -> None:
    clear, difficult = Object(0, 1, BIG), Object(0, 1, BIG, difficult=True)
    found = [Detection(0, 1, BIG, 0.9)]
    assert outcomes_of([clear, difficult], found, "voc").found.tolist() == [True]
    assert outcomes_of([difficult, clear], found, "voc").found.tolist() == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_crowd_is_not_asked_for_and_swallows_false_alarms_inside(protocol: Protocol) -> None:
    objects = [Object(0, 1, BIG, crowd=True), Object(0, 1, (0, 0, 50, 50))]
    detections = [
        Detection(0, 1, (0, 0, 50, 50), 0.9),  # takes the object in the crowd
        Detection(0, 1, (60, 0, 140, 50), 0.8),  # half inside
        Detection(0, 1, (61, 0, 141, 50), 0.7),  # less than half
        Detection(1, 1, BIG, 0.6),  # another image
    ]
    outcomes = outcomes_of(objects, detections, protocol)
    assert outcomes.scores.tolist() == [0.9, 0.7, 0.6]
    assert outcomes.found.tolist() == [True, False, False]
    assert outcomes.object_class_ids.tolist() == [1]


@pytest.mark.parametrize(
    ("protocol", "expected"), [("ilsvrc", 1), ("voc2007", 0), ("voc", 0), ("coco", 0)]
)
def test_ilsvrc_alone_forgives_small_objects(protocol: Protocol, expected: float) -> None:
    # 10 x 10 inclusive pixels are found from an IoU of 0.25 on.
    found = run([Object(0, 1, (0, 0, 10, 10))], [Detection(0, 1, (0, 0, 20, 20), 0.9)], protocol)
    assert found.mean_ap == expected


@pytest.mark.parametrize(
    ("protocol", "counting"), [("ilsvrc", 150), ("voc2007", 150), ("voc", 150), ("coco", 100)]
)
def test_coco_alone_stops_at_a_hundred_detections_of_a_class_and_image(
    protocol: Protocol, counting: int
) -> None:
    detections = [Detection(i, 1, AWAY, 0.5) for i in (0, 0, 1) for _ in range(75)]
    outcomes = outcomes_of([Object(0, 1, BIG)], detections, protocol)
    assert np.bincount(outcomes.image_indices).tolist() == [counting, 75]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_between_equal_scores_of_an_image_the_earlier_row_goes_first(protocol: Protocol) -> None:
    hit, miss = Detection(0, 1, BIG, 0.5), Detection(0, 1, AWAY, 0.5)
    first, second = (
        run([Object(0, 1, BIG)], rows, protocol) for rows in ([hit, miss], [miss, hit])
    )
    assert first.mean_ap == pytest.approx(1)
    assert second.mean_ap == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("protocol", "expected"), [("ilsvrc", 1), ("voc2007", 0.5), ("voc", 0.5), ("coco", 1)]
)
def test_between_equal_scores_of_two_images_voc_alone_goes_by_row(
    protocol: Protocol, expected: float
) -> None:
    # As eval_detection.m and COCOeval go by image, and VOCevaldet.m by the lines of its file.
    rows = [Detection(1, 1, AWAY, 0.5), Detection(0, 1, BIG, 0.5)]
    assert run([Object(0, 1, BIG)], rows, protocol).mean_ap == pytest.approx(expected)


def test_levels_of_recall_are_met_exactly() -> None:
    # Three of ten objects, then a false alarm, then a fourth: 3 / 10 is less than 3 * 0.1 in
    # binary fractions, and must meet the level of 0.3 all the same.
    objects = [Object(0, 1, (200 * i, 0, 200 * i + 100, 100)) for i in range(10)]
    rows = [Detection(0, 1, o.box, 0.9) for o in objects[:3]]
    rows += [Detection(0, 1, AWAY, 0.8), Detection(0, 1, objects[3].box, 0.7)]
    assert run(objects, rows, "voc2007").mean_ap == pytest.approx((4 * 1 + 0.8) / 11)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_images_beyond_their_number_are_refused(protocol: Protocol) -> None:
    with pytest.raises(ValueError, match="image_count must exceed every image index"):
        match(
            truth_of([Object(3, 1, BIG)]),
            predictions_of([]),
            CLASSES,
            protocol=protocol,
            image_count=3,
        )


def test_outcomes_of_some_images_are_numbered_anew() -> None:
    outcomes = match(
        truth_of([Object(4, 1, BIG), Object(9, 2, BIG)]),
        predictions_of([Detection(9, 2, BIG, 0.5)]),
        CLASSES,
        protocol="ilsvrc",
        image_count=10,
    ).renumbered(np.array([4, 6, 9]))
    assert outcomes.image_count == 3
    assert outcomes.image_indices.tolist() == [2]
    assert outcomes.object_image_indices.tolist() == [0, 2]


def test_columns_that_do_not_fit_are_refused() -> None:
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match=r"detections must be one a row but got \[1, 2, 1, 1\]"):
        Outcomes("voc", 1, one, two, np.zeros(1), np.zeros(1, np.bool_), one, one)
    with pytest.raises(ValueError, match="objects must be one a row but got 1 images and 2"):
        Outcomes("voc", 1, one, one, np.zeros(1), np.zeros(1, np.bool_), one, two)
