"""Score detections on a labelled split of ILSVRC DET: average precision a class, and their mean.

Examples
--------
Detect with the weights of the package, write predictions_val.txt, score it:

    python tools/eval_map.py --root ILSVRC --split val

A quick look: every 20th image only, fewer proposals:

    python tools/eval_map.py --root ILSVRC --split val --every 20 --max-proposals 300

A network of your own from tools/train.py, average precisions to a file, too:

    python tools/eval_map.py --root ILSVRC --split val --weights member.safetensors --json ap.json

The proposals of a file that tools/propose.py made of the split:

    python tools/eval_map.py --root ILSVRC --split val --proposals val.parquet

Score a file that is there, from this or any other detector, in two classes only:

    python tools/eval_map.py --root ILSVRC --split val --predictions theirs.txt --classes car dog

The tree holds ImageSets/DET/val.txt (lines "image_id number"), Annotations/DET/val/*.xml and
Data/DET/val/*.JPEG. A prediction file holds one detection a line,

    image_id det_id confidence xmin ymin xmax ymax
    17 37 0.9731 48 239.5 194 370

where image_id is the number of the image in its list (or its name) and det_id is 1-200; pixels
count from 0, and xmax, ymax are the last ones inside. A blacklist holds lines "image_id wnid".

A class without objects has no AP, and the mean leaves it out.
Exit codes: 0 done; 1 done, but some images could not be read or have no proposals in the file,
whose objects count as missed; 2 the command or an input cannot be used; 130 interrupted, when
predictions_val.partial.txt holds the images that were done.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import _common
import numpy as np
from _detectors import DETECTOR_FLAGS, add_detector_flags, detection_task, load_detector
from _inputs import open_proposals

with _common.errors_as_lines():
    from detector.classes import ObjectClass, ilsvrc_classes, select_classes
    from detector.datasets import IlsvrcDet, ImageAnnotation
    from detector.scoring import (
        Blacklist,
        ImageIndex,
        Predictions,
        Score,
        gather_ground_truth,
        gather_predictions,
        read_blacklist,
        read_predictions,
        score,
        write_predictions,
    )
    from proposals import ProposalFile
    from proposals.files import write_text

if TYPE_CHECKING:  # so that scoring a file does not wait for torch
    from detector.rcnn import Detector, Task
    from detector.results import Detections


@dataclass(frozen=True)
class Task:
    """What is scored against what. All inputs are read, so that nothing is refused later."""

    images: ImageIndex
    annotations: dict[int, ImageAnnotation]  # by image index; all that is looked at
    classes: tuple[ObjectClass, ...]
    origin_of_classes: str
    blacklist: Blacklist
    source: Predictions | Detector


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool with these command-line arguments; return the exit code."""
    options = _parse_options(arguments)
    with _common.errors_as_lines():
        with open_proposals(options.proposals) as file:
            task = _prepare(options)
            predictions, broken = _obtain_predictions(task, options, file)
        result = _score(task, predictions)
        _print_table(task, result)
        if options.json is not None:
            _write_json(options.json, result)
    if broken:
        print(f"skipped {len(broken)} images:", file=sys.stderr)
        print(*(f"  {reason}" for reason in broken), sep="\n", file=sys.stderr)
    return 1 if broken else 0


def _parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _common.teaching_parser(__doc__)
    add = parser.add_argument
    # fmt: off
    add("--root", type=Path, required=True, metavar="DIR",
        help="folder with ImageSets, Annotations and Data")
    add("--split", required=True, help="for example val")
    add("--classes", nargs="+", metavar="KEY",
        help="classes to score, by name, WordNet id or det_id (default: those that the detector"
        " knows; with --predictions, those with objects in the images)")
    add("--predictions", type=Path, metavar="FILE", help="score this file and detect nothing")
    add("--blacklist", type=Path, metavar="FILE", help="pairs of image and class that do not count")
    add("--json", type=_common.output_file, metavar="FILE",
        help="write the average precisions there, too")
    add("--out", type=_common.output_file, metavar="FILE",
        help="prediction file to write, over what is there (default: predictions_SPLIT.txt)")
    add("--every", type=_common.count_from_one, default=1, metavar="N",
        help="look at every Nth image only (default: %(default)s)")
    # fmt: on
    add_detector_flags(parser)
    options = parser.parse_args(arguments)
    if options.predictions is not None:
        for flag in ("out", *DETECTOR_FLAGS):
            if getattr(options, flag) is not None:
                parser.error(
                    f"--{flag.replace('_', '-')} is for detecting: leave it out with --predictions"
                )
    return options


def _prepare(options: argparse.Namespace) -> Task:
    dataset = IlsvrcDet(options.root, options.split)
    images = ImageIndex(dataset.image_ids, dataset.image_numbers)
    annotations = {index: dataset[index] for index in range(0, len(dataset), options.every)}
    blacklist = (
        frozenset() if options.blacklist is None else read_blacklist(options.blacklist, images)
    )
    asked = None if options.classes is None else select_classes(options.classes)
    source: Predictions | Detector
    if options.predictions is not None:
        source = read_predictions(options.predictions, images)
        classes, origin = asked or _classes_present(annotations), "with objects in these images"
    else:
        source = load_detector(options)
        classes, origin = asked or source.classes, "that the detector knows"
        if unknown := [c.name for c in classes if c not in source.classes]:
            raise ValueError(
                f"the detector does not know {', '.join(unknown)}: it knows"
                f" {', '.join(c.name for c in source.classes)}"
            )
    origin = origin if asked is None else "asked for"
    return Task(images, annotations, classes, origin, blacklist, source)


def _classes_present(annotations: dict[int, ImageAnnotation]) -> tuple[ObjectClass, ...]:
    present = {key for annotation in annotations.values() for key in annotation.class_keys}
    classes = tuple(c for c in ilsvrc_classes() if c.key in present)
    if not classes:
        raise ValueError("these images hold no object of ILSVRC's classes: nothing to score")
    return classes


def _obtain_predictions(
    task: Task, options: argparse.Namespace, file: ProposalFile | None
) -> tuple[Predictions, list[str]]:
    """Return the predictions for the images looked at, and why some images have none."""
    if isinstance(task.source, Predictions):
        looked_at = [index in task.annotations for index in range(len(task.images))]
        return task.source.where(np.array(looked_at, bool)[task.source.image_indices]), []
    broken: list[str] = []
    found: list[tuple[int, Detections]] = []
    path = options.out or Path(f"predictions_{options.split}.txt")
    try:
        found.extend(_detect(task.source, task.annotations, file, broken))
    except KeyboardInterrupt:
        path = path.with_suffix(f".partial{path.suffix}")
        write_predictions(path, gather_predictions(found), task.images)
        print(f"detections of {len(found)} images written to {path}", file=sys.stderr)
        raise
    predictions = gather_predictions(found)
    write_predictions(path, predictions, task.images)
    print(f"{len(predictions)} detections written to {path}")
    return predictions, broken


def _detect(
    detector: Detector,
    annotations: dict[int, ImageAnnotation],
    file: ProposalFile | None,
    broken: list[str],
) -> Iterator[tuple[int, Detections]]:
    """Yield the detections of each image with its index; note skipped ones in ``broken``."""
    index_of = {annotation.image_id: index for index, annotation in annotations.items()}
    outcomes = detector.detect_all(detection_task(one, file) for one in annotations.values())
    with _common.progress(len(annotations), "detecting", "image") as advance_to:
        for done, outcome in enumerate(outcomes, start=1):
            if outcome.detections is None:
                broken.append(str(outcome.error))
            else:
                yield index_of[outcome.key], outcome.detections
            advance_to(done)


def _score(task: Task, predictions: Predictions) -> Score:
    ground_truth = gather_ground_truth(task.annotations.items(), task.classes)
    return score(ground_truth, predictions, [c.id for c in task.classes], task.blacklist)


def _print_table(task: Task, result: Score) -> None:
    print(
        f"{len(task.annotations)} of {len(task.images)} images;"
        f" {len(task.classes)} classes {task.origin_of_classes}"
    )
    if strange := _objects_of_no_class(task):
        print(f"{strange} objects of no ILSVRC class are ignored")
    width = max(len("name"), *(len(c.name) for c in task.classes))
    print(f"det_id  {'wnid':<9}  {'name':<{width}}  objects  detections      AP")
    for object_class in task.classes:
        curve = result.curves[object_class.id]
        print(
            f"{object_class.id:>6}  {object_class.wnid}  {object_class.name:<{width}}"
            f"  {curve.objects:>7}  {curve.detections:>10}  {curve.average_precision:>6.4f}"
        )
    without = len(result.classes_without_objects)
    left_out = f" ({without} without objects left out)" if without else ""
    print(f"mAP {result.mean_ap:.4f} over {len(task.classes) - without} classes{left_out}")


def _objects_of_no_class(task: Task) -> int:
    known = {c.key for c in ilsvrc_classes()} | {c.key for c in task.classes}
    return sum(key not in known for a in task.annotations.values() for key in a.class_keys)


def _write_json(path: Path, result: Score) -> None:
    content = {
        "mAP": _or_null(result.mean_ap),
        "AP": {str(class_id): _or_null(ap) for class_id, ap in result.ap_by_class.items()},
    }
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main())
