from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.datasets.annotation import ImageAnnotation
from detector.training.svm.config import SvmConfig
from detector.training.svm.windows import IGNORED, NEGATIVE, POSITIVE, draw_windows
from proposals.boxes import pairwise_iou

DOG, CAR, CHAIR = "n02084071", "n02958343", "n03001627"
KEYS = (DOG, CAR)
SIDE = 40


def boxes(*rows: tuple[int, ...]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def annotated(
    true_boxes: NDArray[np.float32], *class_keys: str, **flags: tuple[bool, ...]
) -> ImageAnnotation:
    return ImageAnnotation("a", Path("a.JPEG"), (SIDE, SIDE), true_boxes, class_keys, **flags)


DOG_AND_CAR = annotated(boxes((0, 0, 20, 20), (20, 20, 40, 40)), DOG, CAR)


def expected_targets(
    window: NDArray[np.float32], annotation: ImageAnnotation, true_row: int | None
) -> list[int]:
    """Label one window by R-CNN's words, class by class, object by object."""
    targets = []
    for key in KEYS:
        of_class = [row for row, one in enumerate(annotation.class_keys) if one == key]
        ious = [
            float(pairwise_iou(window[None], annotation.boxes_xyxy[row][None])[0, 0])
            for row in of_class
        ]
        if true_row in of_class:
            targets.append(POSITIVE)
        elif all(iou < 0.3 for iou in ious):
            targets.append(NEGATIVE)
        else:
            targets.append(IGNORED)
    return targets


corner = st.integers(0, SIDE - 1)
box = st.tuples(corner, corner, st.integers(1, SIDE), st.integers(1, SIDE)).map(
    lambda b: (b[0], b[1], max(b[2], b[0] + 1), max(b[3], b[1] + 1))
)


def test_what_lies_outside_the_image_is_no_window() -> None:
    leaving = annotated(boxes((20, -20, 99, 20), (0, 20, 20, 40)), DOG, CAR)
    cut = annotated(boxes((20, 0, 40, 20), (0, 20, 20, 40)), DOG, CAR)
    proposed = [boxes((20, 0, 40, 20), (0, 0, 9, 9))]
    found, expected = (draw_windows([one], proposed, KEYS, SvmConfig()) for one in (leaving, cut))
    for name in found._fields:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


@given(
    objects=st.lists(st.tuples(box, st.sampled_from([*KEYS, CHAIR])), max_size=4),
    proposed=st.lists(box, max_size=12),
)
def test_every_window_is_labelled_as_the_slow_way_says(
    objects: list[tuple[tuple[int, ...], str]], proposed: list[tuple[int, ...]]
) -> None:
    annotation = annotated(boxes(*(b for b, _ in objects)), *(key for _, key in objects))
    everything = SvmConfig(windows=1000)
    drawn = draw_windows([DOG_AND_CAR, annotation], [boxes(), boxes(*proposed)], KEYS, everything)
    mine = drawn.images == 1
    wanted = [
        (tuple(annotation.boxes_xyxy[row]), tuple(expected_targets(b, annotation, row)))
        for row, b in enumerate(annotation.boxes_xyxy)
        if annotation.class_keys[row] in KEYS
    ] + [(tuple(b), tuple(expected_targets(b, annotation, None))) for b in boxes(*proposed)]
    found = zip(map(tuple, drawn.boxes_xyxy[mine]), map(tuple, drawn.targets[mine]), strict=True)
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(
    ("flag", "window", "target"),
    [
        ("difficult", (0, 0, 20, 20), IGNORED),  # itself
        ("difficult", (0, 0, 40, 40), NEGATIVE),  # an IoU of 0.25
        ("crowd", (5, 5, 10, 10), IGNORED),  # inside, at an IoU below 0.1
        ("crowd", (20, 20, 30, 30), NEGATIVE),
    ],
)
def test_unclear_objects_are_no_positives_and_what_shows_them_no_negative(
    flag: str, window: tuple[int, ...], target: int
) -> None:
    unclear = annotated(boxes((0, 0, 20, 20)), DOG, **{flag: (True,)})
    drawn = draw_windows(
        [DOG_AND_CAR, unclear], [boxes(), boxes(window)], KEYS, SvmConfig(windows=9)
    )
    assert drawn.boxes_xyxy[drawn.images == 1].tolist() == [list(window)]
    assert drawn.targets[drawn.images == 1].tolist() == [[target, NEGATIVE]]


def test_images_give_as_many_proposals_half_of_them_near_and_half_for_the_second_round() -> None:
    near, far = boxes(*[(0, 0, 20, 10)] * 30), boxes(*[(0, 30, 9, 39)] * 30)
    both = np.concatenate([near, far])
    drawn = draw_windows([DOG_AND_CAR] * 3, [both] * 3, KEYS, SvmConfig(windows=6 + 24))
    assert len(drawn.boxes_xyxy) == 30
    assert not drawn.is_mined[(drawn.targets == POSITIVE).any(axis=1)].any()
    for image in range(3):
        rows = np.flatnonzero(drawn.images == image)[2:]
        assert len(rows) == 8
        assert (drawn.boxes_xyxy[rows, 3] == 10).sum() == 4
        assert drawn.is_mined[rows].sum() == 4


@pytest.mark.parametrize("kind", [(0, 0, 20, 10), (0, 30, 9, 39)])
def test_where_one_kind_of_proposal_lacks_the_other_fills_in(kind: tuple[int, ...]) -> None:
    drawn = draw_windows([DOG_AND_CAR], [boxes(*[kind] * 30)], KEYS, SvmConfig(windows=12))
    assert len(drawn.boxes_xyxy) == 12


def test_the_same_seed_draws_the_same_windows() -> None:
    proposed = [np.random.default_rng(0).integers(0, 20, (50, 4)).astype(np.float32)]
    proposed[0][:, 2:] += 20

    def draw(seed: int) -> list[list[float]]:
        config = SvmConfig(windows=20, seed=seed)
        return draw_windows([DOG_AND_CAR], proposed, KEYS, config).boxes_xyxy.tolist()

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@pytest.mark.parametrize(
    ("annotations", "windows", "message"),
    [
        ([], 9, f"2 of 2 classes have no object in these photographs, the first is {DOG}"),
        ([annotated(boxes())], 9, "2 of 2 classes have no object"),
        ([annotated(boxes((0, 0, 9, 9)), DOG)], 9, f"1 of 2 classes .* the first is {CAR}"),
        ([annotated(boxes((0, 0, 9, 9)), CHAIR)], 9, "2 of 2 classes have no object"),
        ([annotated(boxes((0, 0, 9, 9), (3, 3, 3, 9)), DOG, CAR)], 9, "1 of 2 classes"),
        ([DOG_AND_CAR], 2, "windows must be above the number of true boxes, 2, .* but is 2"),
    ],
)
def test_without_positives_or_room_for_negatives_nothing_is_drawn(
    annotations: list[ImageAnnotation], windows: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw_windows(annotations, [boxes()] * len(annotations), KEYS, SvmConfig(windows=windows))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"windows": 1}, "windows must be 2 or more, but got 1"),
        ({"near_share": 1.5}, "near_share must be from 0 to 1, but got 1.5"),
        ({"negative_iou": 0.0}, r"negative_iou must be in \(0, 1\], but got 0.0"),
        ({"cost": 0.0}, "cost must be above 0, but got 0.0"),
        ({"positive_weight": float("nan")}, "positive_weight must be above 0, but got nan"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SvmConfig(**wrong)  # type: ignore[arg-type]
