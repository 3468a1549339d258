from __future__ import annotations

from typing import Any

import pytest

from detector.config import DetectorConfig, Execution


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_proposals": 0}, "max_proposals must be a whole number of at least 1 but got 0"),
        ({"max_detections_per_class": 1.5}, "max_detections_per_class must be a whole number"),
        ({"max_proposals": True}, "max_proposals must be a whole number"),
        ({"duplicate_iou": 2}, "duplicate_iou must be a number from 0 to 1 but got 2"),
        ({"nms_iou": -0.1}, "nms_iou must be a number from 0 to 1 but got -0.1"),
        ({"min_score": float("nan")}, "min_score must be a number from 0 to 1 but got nan"),
        ({"min_score": "low"}, "min_score must be a number from 0 to 1 but got 'low'"),
        ({"voting_iou": -1}, "voting_iou must be a number from 0 to 1 but got -1"),
        ({"voting_exponent": -1}, "voting_exponent must be a number 0 or more but got -1"),
        ({"voting_exponent": True}, "voting_exponent must be a number"),
        ({"cascade_threshold": 1.5}, "cascade_threshold must be a number from 0 to 1 but got 1.5"),
    ],
)
def test_impossible_detection_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DetectorConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "half"}, "precision must be one of auto, .* but got 'half'"),
        ({"engine": "caffe"}, "engine must be one of auto, torch, openvino but got 'caffe'"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1 but got 0"),
    ],
)
def test_impossible_execution_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Execution(**settings)


@pytest.mark.parametrize(
    ("asked", "device", "expected"),
    [(None, "cpu", 16), (None, "cuda", 256), (None, "mps", 16), (4, "cpu", 4), (4, "cuda", 4)],
)
def test_batches_are_as_asked_or_suit_the_device(
    asked: int | None, device: str, expected: int
) -> None:
    assert Execution(batch_size=asked).batch_size_on(device) == expected
