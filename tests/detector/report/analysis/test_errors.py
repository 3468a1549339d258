from __future__ import annotations

from collections.abc import Callable
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report import Matches, error_costs, error_counts, find_errors
from detector.report.analysis.errors import ERROR_KINDS, FALSE_POSITIVES
from detector.scoring.average_precision import precision_recall

Box = tuple[float, float, float, float]

A: Box = (0, 0, 100, 100)
NEAR_A: Box = (0, 0, 100, 30)  # IoU 0.3
FAR_OFF: Box = (300, 300, 400, 400)


@pytest.mark.parametrize(
    ("detections", "kinds"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(0, 1, A, 0.9)], [None], id="finds"),
        pytest.param([(0, 1, A, 0.9), (0, 1, A, 0.8)], [None, "duplicate"], id="twice"),
        pytest.param([(0, 1, NEAR_A, 0.9)], ["localisation"], id="too far off"),
        pytest.param([(0, 1, (0, 0, 100, 10), 0.9)], ["localisation"], id="IoU of just 0.1"),
        pytest.param([(0, 2, (0, 0, 100, 10), 0.9)], ["background"], id="0.1, another class"),
        pytest.param([(0, 2, A, 0.9)], ["confusion"], id="another class"),
        pytest.param([(0, 2, (0, 0, 100, 50), 0.9)], ["confusion"], id="IoU of just 0.5"),
        pytest.param([(0, 2, NEAR_A, 0.9)], ["both"], id="another class, too far off"),
        pytest.param([(0, 1, FAR_OFF, 0.9)], ["background"], id="where nothing is"),
        pytest.param([(1, 1, A, 0.9)], ["background"], id="in another image"),
    ],
)
def test_the_kind_of_an_error_on_one_object(
    make_matches: Callable[..., Matches],
    detections: list[tuple[int, int, Box, float]],
    kinds: list[str | None],
) -> None:
    errors = find_errors(make_matches([(0, 1, A)], detections))
    assert [None if k < 0 else FALSE_POSITIVES[k] for k in errors.kinds.tolist()] == kinds


def test_the_threshold_of_a_small_object_is_its_own(make_matches: Callable[..., Matches]) -> None:
    small: Box = (0, 0, 10, 10)  # found from IoU 0.25 on
    detections = [(0, 2, (0, 0, 10, 3), 0.9), (0, 1, (0, 0, 10, 2), 0.8)]
    matches = make_matches([(0, 1, small)], detections)
    counts = error_counts(find_errors(matches))
    assert counts["confusion"] == counts["localisation"] == 1


def test_an_object_is_missed_unless_something_can_be_repaired_to_find_it(
    make_matches: Callable[..., Matches],
) -> None:
    objects = [(image, 1, A) for image in range(3)] + [(0, 1, FAR_OFF)]
    detections = [(0, 2, A, 0.9), (1, 1, NEAR_A, 0.8), (2, 2, NEAR_A, 0.7)]
    errors = find_errors(make_matches(objects, detections))
    assert errors.missed.tolist() == [False, False, True, True]


def test_costs_of_a_scene_worked_out_by_hand(make_matches: Callable[..., Matches]) -> None:
    # Class 1: two objects, one found after a false alarm; class 2: one, taken for class 1.
    objects = [(0, 1, A), (1, 1, A), (2, 2, A)]
    detections = [(0, 1, FAR_OFF, 0.9), (0, 1, A, 0.8), (2, 1, A, 0.7)]
    matches = make_matches(objects, detections)
    assert matches.score.mean_ap == pytest.approx((0.25 + 0) / 2)
    costs = error_costs(matches, find_errors(matches))
    assert costs == pytest.approx(
        {
            "localisation": 0,
            "confusion": (0.25 + 1) / 2 - 0.125,
            "both": 0,
            "duplicate": 0,
            "background": (0.5 + 0) / 2 - 0.125,
            "missed": (0.5 + 0) / 2 - 0.125,  # that in image 1; the other can be repaired
            "all false positives": (0.5 + 0) / 2 - 0.125,
            "all objects not found": (0.5 + 0) / 2 - 0.125,  # class 2 keeps its 0
        }
    )


def test_only_the_best_of_several_repairs_finds_the_object(
    make_matches: Callable[..., Matches],
) -> None:
    detections = [(0, 1, NEAR_A, 0.5), (0, 1, (0, 0, 100, 40), 0.7), (0, 1, FAR_OFF, 0.6)]
    matches = make_matches([(0, 1, A), (1, 1, A)], detections)
    costs = error_costs(matches, find_errors(matches))
    assert costs["localisation"] == pytest.approx(0.5)  # at 0.7, before the false alarm


# The slow way: one detection after another, and the paper's conditions in its words.


def plain_iou(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def plain_threshold(box: list[float]) -> float:
    w, h = box[2] - box[0], box[3] - box[1]
    return min(0.5, w * h / ((w + 10) * (h + 10)))


def plain_kind(matches: Matches, row: int) -> tuple[str | None, int]:
    if matches.taken[row] >= 0:
        return None, -1
    box = matches.predictions.boxes_xyxy[row].tolist()
    overlaps: dict[bool, list[tuple[float, float, int]]] = {True: [], False: []}
    for number, (image, class_id, other) in enumerate(
        zip(
            matches.ground_truth.image_indices,
            matches.ground_truth.class_ids,
            matches.ground_truth.boxes_xyxy.tolist(),
            strict=True,
        )
    ):
        if image == matches.predictions.image_indices[row]:
            own = bool(class_id == matches.predictions.class_ids[row])
            overlaps[own].append((plain_iou(box, other), plain_threshold(other), -number))
    on_own = [o for o in overlaps[True] if o[0] > 0 and o[0] >= o[1]]
    on_other = [o for o in overlaps[False] if o[0] > 0 and o[0] >= o[1]]
    near_own = [o for o in overlaps[True] if o[0] >= 0.1]
    near_any = [o for o in overlaps[True] + overlaps[False] if o[0] > 0.1]
    for kind, candidates in (
        ("localisation", [] if on_own else near_own),
        ("confusion", on_other),
        ("duplicate", on_own),
        ("both", near_any),
    ):
        if candidates:
            return kind, -max(candidates, key=lambda o: (o[0], o[2]))[2]
    return "background", -1


def plain_mean_ap(
    matches: Matches, rows: list[tuple[int, float, bool]], objects: list[int]
) -> float:
    """Return the mean over the classes that have objects at first, of rows (class, score, hit)."""
    aps = []
    for class_id in sorted(set(matches.ground_truth.class_ids.tolist())):
        mine = [row for row in rows if row[0] == class_id]
        scores = np.array([row[1] for row in mine], float)
        found = np.array([row[2] for row in mine], bool)
        ap = precision_recall(scores, found, objects.count(class_id)).average_precision
        aps.append(0.0 if isnan(ap) else ap)
    return sum(aps) / len(aps)


def plain_cost(matches: Matches, kind: str) -> float:
    kinds = [plain_kind(matches, row) for row in range(len(matches.predictions))]
    class_of = matches.ground_truth.class_ids.tolist()
    taken = set(matches.taken[matches.taken >= 0].tolist())
    usable = {about for k, about in kinds if k in ("localisation", "confusion")}
    unfound = set(range(len(class_of))) - taken
    gone = {"missed": unfound - usable, "all objects not found": unfound}.get(kind, set())
    best: dict[int, tuple[float, int]] = {}
    for row, (its_kind, about) in enumerate(kinds):
        if its_kind == kind in ("localisation", "confusion") and about in unfound:
            candidate = (float(matches.predictions.scores[row]), -row)
            best[about] = max(best.get(about, candidate), candidate)
    mended = {-row for _, row in best.values()}
    rows = []
    for row, (its_kind, about) in enumerate(kinds):
        class_id, hit = int(matches.predictions.class_ids[row]), its_kind is None
        if row in mended:
            class_id, hit = class_of[about], True
        if hit or (its_kind != kind and kind != "all false positives"):
            rows.append((class_id, float(matches.predictions.scores[row]), hit))
    left = [class_id for number, class_id in enumerate(class_of) if number not in gone]
    return plain_mean_ap(matches, rows, left) - matches.score.mean_ap


@given(data=st.data())
def test_kinds_are_those_of_the_slow_way(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    matches = data.draw(scenes)
    errors = find_errors(matches)
    for row in range(len(matches.predictions)):
        kind, about = plain_kind(matches, row)
        assert errors.kinds[row] == (-1 if kind is None else FALSE_POSITIVES.index(kind))
        assert errors.about[row] == about


@given(data=st.data())
def test_costs_are_those_of_the_slow_way(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    matches = data.draw(scenes)
    costs = error_costs(matches, find_errors(matches))
    assert tuple(costs) == ERROR_KINDS
    if len(matches.ground_truth) == 0:
        assert all(map(isnan, costs.values()))
        return
    for kind, cost in costs.items():
        assert cost == pytest.approx(plain_cost(matches, kind), abs=1e-12)
        assert -1e-12 <= cost <= 1 - matches.score.mean_ap + 1e-12


@given(data=st.data())
def test_every_false_positive_and_every_object_is_of_one_kind(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    matches = data.draw(scenes)
    errors = find_errors(matches)
    assert ((errors.kinds < 0) == matches.found).all()
    assert sum(error_counts(errors).values()) == (~matches.found).sum() + errors.missed.sum()
    assert not (errors.missed & matches.object_found).any()
