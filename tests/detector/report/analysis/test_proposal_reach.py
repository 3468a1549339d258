from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.report import Matches, reach_of_proposals
from detector.report.analysis.proposal_reach import NEVER
from proposals import ProposalFileError
from proposals.evaluation.coverage import covered

A, B = (0, 0, 100, 100), (0, 0, 100, 60)


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_no_proposals_cover_nothing_and_no_objects_have_no_coverage(
    make_matches: Callable[..., Matches],
) -> None:
    reach = reach_of_proposals(make_matches([(0, 1, A)], []), [0, 1], lambda _: boxes())
    assert reach.coverage(100) == 0
    assert reach.used == reach.longest == 0
    assert np.isnan(reach_of_proposals(make_matches([], []), [0], lambda _: boxes()).coverage(1))


def test_detections_are_found_among_the_proposals_of_their_image(
    make_matches: Callable[..., Matches],
) -> None:
    matches = make_matches([(0, 1, A)], [(0, 1, B, 0.9), (1, 1, A, 0.5), (0, 2, A, 0.1)])
    by_image = {0: boxes(A, B), 1: boxes(B, (0, 0, 100.004, 100))}
    reach = reach_of_proposals(matches, by_image, by_image.__getitem__)
    assert reach.ranks.tolist() == [1, 0, 1]  # by image
    assert reach.ranks_known
    assert reach.used == 2


def test_a_detection_that_is_no_proposal_is_told(make_matches: Callable[..., Matches]) -> None:
    matches = make_matches([], [(0, 1, B, 0.9), (0, 1, A, 0.5)])
    reach = reach_of_proposals(matches, [0], lambda _: boxes(A, A, A))
    assert not reach.ranks_known
    assert reach.ranks.tolist() == [-1, 0]
    assert reach.used == reach.longest == 3


def test_an_image_without_proposals_is_told_and_covers_nothing(
    make_matches: Callable[..., Matches],
) -> None:
    def boxes_of(image: int) -> NDArray[np.float32]:
        if image == 0:
            raise ProposalFileError("val.parquet: holds no proposals of 'a'")
        return boxes(A)

    matches = make_matches([(0, 1, A), (1, 1, A)], [])
    reach = reach_of_proposals(matches, [0, 1], boxes_of)
    assert reach.skipped == ("val.parquet: holds no proposals of 'a'",)
    assert reach.covered_from.tolist() == [NEVER, 1]
    assert reach.coverage(1) == 0.5
    assert reach.coverage(1, np.array([False, True])) == 1


@given(data=st.data(), count=st.integers(0, 5))
def test_coverage_is_that_of_the_first_boxes(
    scenes: st.SearchStrategy[Matches], data: st.DataObject, count: int
) -> None:
    matches = data.draw(scenes)
    truth = matches.ground_truth
    by_image = {
        image: matches.predictions.boxes_xyxy[matches.predictions.image_indices == image]
        for image in range(3)
    }
    reach = reach_of_proposals(matches, by_image, by_image.__getitem__)
    assert reach.ranks_known
    expected = [
        covered(by_image[image][:count], box[None], threshold)[0]
        for image, box, threshold in zip(
            truth.image_indices.tolist(), truth.boxes_xyxy, matches.thresholds, strict=True
        )
    ]
    assert (reach.covered_from <= count).tolist() == expected
