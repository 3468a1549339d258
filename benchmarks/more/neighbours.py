"""What the packages next door make of our detections; a line for each that is installed.

Detects on scikit-image's astronaut and cat with the shipped model, hands the detections over, takes
them back, and says by how many pixels the boxes differ then.

    python benchmarks/more/neighbours.py
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from detector.detections.results import Detections


class Way(NamedTuple):
    """There and back again."""

    there: Callable[[Detections], Any]
    describe: Callable[[Any], str]
    back: Callable[[Any, Detections], Detections]


def main() -> None:
    """Print the table as Markdown."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    from skimage import data

    from detector import Detector

    detector = Detector.from_pretrained()
    found = [detector.detect(image).above(0.5) for image in (data.astronaut(), data.chelsea())]
    print("| package | version | made | objects | furthest edge, pixels |\n|---|---|---|---|---|")
    for package, way in ways().items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            print(f"| {package} | not installed | | | |")
            continue
        theirs = [way.there(one) for one in found]
        again = [way.back(one, ours) for one, ours in zip(theirs, found, strict=True)]
        furthest = max(_furthest(ours, one) for ours, one in zip(found, again, strict=True))
        count = sum(map(len, again))
        print(f"| {package} | {installed} | {way.describe(theirs[0])} | {count} | {furthest:.6f} |")


def ways() -> Mapping[str, Way]:
    """Return the way of each package by its name."""
    from detector.detections.results import Detections

    return {
        "supervision": Way(
            lambda ours: ours.to_supervision(),
            lambda one: f"{type(one).__name__}, names {sorted(set(one['class_name'].tolist()))}",
            lambda one, ours: Detections.from_supervision(one, ours.classes, ours.image_size),
        ),
        "fiftyone": Way(
            lambda ours: ours.to_fiftyone(),
            lambda one: f"{type(one).__name__}, the first {one.detections[0].bounding_box}",
            lambda one, ours: Detections.from_fiftyone(one, ours.classes, ours.image_size),
        ),
        "label-studio-sdk": Way(
            lambda ours: (
                json.loads(json.dumps(ours.to_label_studio("a.jpg", "shipped"))),
                ours.classes,
            ),
            _checked_by_label_studio,
            lambda one, ours: Detections.from_label_studio(one[0], ours.classes, ours.image_size),
        ),
    }


def _checked_by_label_studio(task_and_classes: Any) -> str:  # noqa: ANN401 - see ways
    from label_studio_sdk.label_interface import LabelInterface

    from detector.detections.neighbours.label_studio import label_studio_config

    task, classes = task_and_classes
    valid = LabelInterface(label_studio_config(classes)).validate_prediction(task["predictions"][0])
    return f"its LabelInterface finds the prediction {'valid' if valid else 'not valid'}"


def _furthest(ours: Detections, again: Detections) -> float:
    return float(abs(again.boxes_xyxy - ours.boxes_xyxy).max(initial=0))


if __name__ == "__main__":
    main()
