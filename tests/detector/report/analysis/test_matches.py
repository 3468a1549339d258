from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.report import Matches, match_rows
from detector.report.analysis.pairs import pairs_by_image
from detector.scoring import PROTOCOLS, Outcomes, Protocol, match, score_outcomes
from proposals.boxes import pairwise_iou


def test_nothing_matches_nothing(make_matches: Callable[..., Matches]) -> None:
    matches = make_matches([], [])
    assert len(matches.taken) == len(matches.object_found) == 0
    assert np.isnan(matches.score.mean_ap)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=50)
@given(data=st.data())
def test_what_is_decided_is_what_the_scoring_decides(
    scenes: st.SearchStrategy[Matches], protocol: Protocol, data: st.DataObject
) -> None:
    scene = data.draw(scenes)
    marks = st.lists(
        st.booleans(), min_size=len(scene.ground_truth), max_size=len(scene.ground_truth)
    )
    truth = replace(
        scene.ground_truth,
        difficult=np.array(data.draw(marks), bool),
        crowd=np.array(data.draw(marks), bool),
    )
    listed = frozenset(data.draw(st.sets(st.tuples(st.integers(0, 2), st.integers(1, 3)))))
    predictions, wanted = scene.predictions, data.draw(st.sampled_from([(1, 2, 3), (2,), ()]))
    expected = match(truth, predictions, wanted, listed, protocol=protocol, image_count=3)
    matches = match_rows(truth, predictions, wanted, listed, protocol=protocol, image_count=3)
    outcomes = matches.outcomes()
    assert np.array_equal(
        list(matches.score.ap_by_class.values()),
        list(score_outcomes(expected, wanted).ap_by_class.values()),
        equal_nan=True,
    )
    assert columns(outcomes) == columns(expected)


def columns(outcomes: Outcomes) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return detections as they rank in their class, and objects in any order."""
    detections = (outcomes.image_indices, outcomes.class_ids, outcomes.scores, outcomes.found)
    ranking = np.argsort(-outcomes.scores, kind="stable")
    ranking = ranking[np.argsort(outcomes.class_ids[ranking], kind="stable")]
    objects = (outcomes.object_image_indices, outcomes.object_class_ids)
    return (
        list(zip(*(column[ranking].tolist() for column in detections), strict=True)),
        sorted(zip(*(column.tolist() for column in objects), strict=True)),
    )


def test_beyond_the_hundredth_of_a_class_and_image_coco_counts_nothing(
    make_matches: Callable[..., Matches],
) -> None:
    box = (0.0, 0.0, 50.0, 50.0)
    scene = make_matches(
        [(0, 1, box)], [*((0, 1, (200, 0, 250, 50), 0.9) for _ in range(100)), (0, 1, box, 0.1)]
    )
    for protocol, detections, found in (("ilsvrc", 101, 1), ("coco", 100, 0)):
        matches = match_rows(
            scene.ground_truth, scene.predictions, (1,), protocol=protocol, image_count=1
        )
        assert (len(matches.taken), int(matches.found.sum())) == (detections, found)


@given(data=st.data())
def test_each_object_is_taken_once_by_its_own_class_at_its_threshold(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    matches = data.draw(scenes)
    found, truth = matches.predictions.where(matches.found), matches.ground_truth
    taken = matches.taken[matches.found]
    assert len(set(taken.tolist())) == len(taken) == matches.object_found.sum()
    assert (found.class_ids == truth.class_ids[taken]).all()
    assert (found.image_indices == truth.image_indices[taken]).all()
    for box, row in zip(found.boxes_xyxy, taken, strict=True):
        iou = pairwise_iou(box[None], truth.boxes_xyxy[row][None])[0, 0]
        assert iou >= np.float32(matches.thresholds[row])


@given(data=st.data())
def test_pairs_are_all_of_an_image_in_the_order_asked(
    scenes: st.SearchStrategy[Matches], data: st.DataObject
) -> None:
    matches = data.draw(scenes)
    predictions, truth = matches.predictions, matches.ground_truth
    detections = np.array(data.draw(st.permutations(range(len(predictions)))), np.int64)
    objects = np.array(data.draw(st.permutations(range(len(truth)))), np.int64)
    seen = []
    for pairs in pairs_by_image(predictions, truth, detections, objects):
        image = predictions.image_indices[pairs.detections[0]]
        in_image = predictions.image_indices[detections] == image
        assert pairs.detections.tolist() == detections[in_image].tolist()
        assert pairs.objects.tolist() == objects[truth.image_indices[objects] == image].tolist()
        boxes, others = predictions.boxes_xyxy[pairs.detections], truth.boxes_xyxy[pairs.objects]
        assert np.allclose(pairs.ious, pairwise_iou(boxes, others), atol=1e-6)
        seen.append(image)
    assert seen == sorted(set(predictions.image_indices.tolist()))
