from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from detector.classes import coco_classes, select_classes
from detector.detections.results import Detections

Compare = Callable[[Detections, Detections, float], None]


def test_nothing_found_is_an_empty_list_and_comes_back(
    nothing: Detections, assert_same: Compare
) -> None:
    assert nothing.to_transformers() == []
    assert_same(nothing, Detections.from_transformers([], nothing.classes, (300, 400)), 0)


def test_detections_are_dicts_of_plain_numbers_in_whole_pixels(found: Detections) -> None:
    assert found.to_transformers()[1] == {
        "score": 0.5,
        "label": "person",
        "box": {"xmin": 12, "ymin": 30, "xmax": 51, "ymax": 81},
    }
    values = found.to_transformers()[1]["box"].values()
    assert {type(value) for value in values} == {int}


def test_what_is_written_comes_back_to_half_a_pixel(
    found: Detections, assert_same: Compare
) -> None:
    again = Detections.from_transformers(found.to_transformers(), found.classes, (300, 400))
    assert_same(found, again, 0.5)


def test_boxes_that_leave_the_image_are_cut_and_the_best_comes_first() -> None:
    def one(score: float, label: str, *box: int) -> dict[str, Any]:
        sides = dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        return {"score": score, "label": label, "box": sides}

    results = [one(0.3, "cat", -2, 5, 10, 20), one(0.7, "traffic light", 1, 1, 500, 20)]
    found = Detections.from_transformers(results, coco_classes(), (30, 40))
    assert [found.classes[label].name for label in found.labels] == ["traffic light", "cat"]
    assert found.boxes_xyxy.tolist() == [[1, 1, 40, 20], [0, 5, 10, 20]]


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([{"label": "dog", "box": {}}], "must be a list of dicts .* KeyError"),
        ([[{"score": 1.0}]], "those of one image, but TypeError"),
        (
            [{"score": 1.0, "label": "dgo", "box": dict.fromkeys(("xmin", "ymin"), 0)}],
            "KeyError..xmax",
        ),
        (
            [
                {
                    "score": 1.0,
                    "label": "dgo",
                    "box": dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), 0),
                }
            ],
            r"'dgo' names no class \(did you mean 'dog'",
        ),
    ],
)
def test_what_is_no_result_is_refused(results: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detections.from_transformers(results, select_classes(["dog"]), (30, 40))


@pytest.mark.filterwarnings("default")  # what other packages warn of is theirs
def test_the_pipeline_itself_gives_the_same_form(found: Detections) -> None:
    transformers = pytest.importorskip(
        "transformers", reason="pip install transformers, which no extra brings"
    )
    torch = pytest.importorskip("torch", reason="pip install 'inception-rcnn[train]'")
    settings = transformers.YolosConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        image_size=[32, 32], num_detection_tokens=5, num_labels=3,
        id2label=dict(enumerate(one.name for one in found.classes)),
    )  # fmt: skip
    torch.manual_seed(0)
    pipeline = transformers.pipeline(
        "object-detection",
        model=transformers.YolosForObjectDetection(settings).eval(),
        image_processor=transformers.YolosImageProcessor(size={"height": 32, "width": 32}),
        framework="pt",
    )
    from PIL import Image

    theirs = pipeline(Image.fromarray(np.zeros((300, 400, 3), np.uint8)), threshold=0.0)
    assert theirs
    ours = found.to_transformers()
    for one in (*theirs, *ours):
        assert {key: type(value) for key, value in one.items()} == {
            "score": float, "label": str, "box": dict,
        }  # fmt: skip
        assert {key: type(value) for key, value in one["box"].items()} == dict.fromkeys(
            ("xmin", "ymin", "xmax", "ymax"), int
        )
    again = Detections.from_transformers(theirs, found.classes, (300, 400))
    assert len(again) == len(theirs)
    assert again.scores.tolist() == pytest.approx(
        sorted((o["score"] for o in theirs), reverse=True)
    )
