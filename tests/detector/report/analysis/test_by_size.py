from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report import Matches, score_by_size
from detector.scoring.average_precision import precision_recall
from proposals.evaluation.coverage import SIZES

SMALL, MEDIUM, LARGE = (0, 0, 20, 20), (100, 0, 150, 50), (200, 0, 300, 100)


def test_nothing_has_no_score(make_matches: Callable[..., Matches]) -> None:
    for one in score_by_size(make_matches([], [])).values():
        assert one.objects == one.found == 0
        assert np.isnan(one.score.mean_ap)


def test_each_size_is_scored_without_the_others(make_matches: Callable[..., Matches]) -> None:
    objects = [(0, 1, SMALL), (0, 1, MEDIUM), (1, 1, MEDIUM), (0, 1, LARGE)]
    # A large false alarm ranks first: it is held against large objects alone.
    detections = [
        (1, 1, (500, 500, 700, 700), 0.9),
        (0, 1, SMALL, 0.8),
        (0, 1, MEDIUM, 0.7),
        (0, 1, LARGE, 0.6),
    ]
    sizes = score_by_size(make_matches(objects, detections))
    assert {name: one.score.mean_ap for name, one in sizes.items()} == {
        "small": 1.0,
        "medium": 0.5,
        "large": 0.5,
    }
    assert [(one.objects, one.found) for one in sizes.values()] == [(1, 1), (2, 1), (1, 1)]


def test_a_detection_counts_at_the_size_of_its_object(
    make_matches: Callable[..., Matches],
) -> None:
    # Of 34 x 34 pixels, medium by itself, but it takes a small object.
    sizes = score_by_size(make_matches([(0, 1, (0, 0, 30, 30))], [(0, 1, (0, 0, 34, 34), 0.9)]))
    assert sizes["small"].score.mean_ap == 1
    assert sizes["medium"].score.curves[1].detections == 0


def test_a_box_whose_area_float32_cannot_hold_is_large(
    make_matches: Callable[..., Matches],
) -> None:
    sizes = score_by_size(make_matches([(0, 1, LARGE)], [(0, 1, (0, 0, 1e38, 1e38), 0.9)]))
    assert [one.score.curves[1].detections for one in sizes.values()] == [0, 0, 1]


def test_the_area_of_an_object_is_the_one_it_states(make_matches: Callable[..., Matches]) -> None:
    matches = make_matches([(0, 1, LARGE)], [])
    masked = replace(matches, ground_truth=replace(matches.ground_truth, areas=np.array([9.0])))
    assert score_by_size(masked)["small"].objects == 1


@given(data=st.data(), size=st.sampled_from(sorted(SIZES)))
def test_sizes_share_out_objects_and_hits(
    scenes: st.SearchStrategy[Matches], data: st.DataObject, size: str
) -> None:
    matches = data.draw(scenes)
    sizes = score_by_size(matches)
    assert sum(one.objects for one in sizes.values()) == len(matches.ground_truth)
    assert sum(one.found for one in sizes.values()) == matches.found.sum()
    low, high = SIZES[size]
    for class_id, curve in sizes[size].score.curves.items():
        rows = plain_rows(matches, class_id, low, high)
        objects = [
            area
            for area, its_class in zip(
                matches.ground_truth.areas, matches.ground_truth.class_ids, strict=True
            )
            if its_class == class_id and low <= area < high
        ]
        scores, found = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], bool)
        expected = precision_recall(scores.astype(float), found, len(objects))
        assert curve.average_precision == pytest.approx(expected.average_precision, nan_ok=True)
        assert curve.detections == expected.detections


def plain_rows(
    matches: Matches, class_id: int, low: float, high: float
) -> list[tuple[float, bool]]:
    """Return score and hit of the detections of a class that count at a size."""
    rows = []
    for row in np.flatnonzero(matches.predictions.class_ids == class_id).tolist():
        x1, y1, x2, y2 = matches.predictions.boxes_xyxy[row].tolist()
        taken = int(matches.taken[row])
        area = matches.ground_truth.areas[taken] if taken >= 0 else (x2 - x1) * (y2 - y1)
        if low <= area < high:
            rows.append((float(matches.predictions.scores[row]), taken >= 0))
    return rows
