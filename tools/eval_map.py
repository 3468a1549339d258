"""Score detections on labelled photographs: average precision a class, their mean, its interval.

Examples
--------
Detect with the weights of the package, write predictions_val.txt, score it:

    python tools/eval_map.py --root ILSVRC --split val

A quick look: every 20th image only, fewer proposals:

    python tools/eval_map.py --root ILSVRC --split val --every 20 --max-proposals 300

A network of your own from tools/train.py, the result to a file, too; tools/compare.py says whether
it is better than another:

    python tools/eval_map.py --root ILSVRC --split val --weights member.safetensors --json a.json

The proposals of a file that tools/propose.py made of the split:

    python tools/eval_map.py --root ILSVRC --split val --proposals val.parquet

Score a file that is there, from this or any other detector, in two classes only:

    python tools/eval_map.py --root ILSVRC --split val --predictions theirs.txt --classes car dog

The same with a page of curves, errors and pictures (docs/report.md), report/report.html:

    python tools/eval_map.py --root ILSVRC --split val --predictions theirs.txt --report report

The same by other rules, and trees and files of other kinds:

    python tools/eval_map.py --root ILSVRC --split val --predictions theirs.txt --protocol coco
    python tools/eval_map.py --root VOCdevkit/VOC2007 --split test --format voc --protocol voc2007
    python tools/eval_map.py --root coco --split val2017 --format coco --predictions theirs.json

The rules (--protocol) are free of the tree's kind (--format); docs/scoring.md compares them.

    ilsvrc    own IoU threshold for each object, from 0.5 down; area under the envelope
    voc2007   IoU 0.5, difficult objects ignored; mean of the precision at 11 levels of recall
    voc       the same with the area under the envelope, as from VOC 2010 on
    coco      pycocotools: IoU 0.5, and the mean over 0.50 to 0.95 beside it; 101 levels of recall

A tree of ILSVRC DET holds ImageSets/DET/val.txt (lines "image_id number"),
Annotations/DET/val/*.xml and Data/DET/val/*.JPEG. A prediction file holds one detection a line,

    image_id det_id confidence xmin ymin xmax ymax
    17 37 0.9731 48 239.5 194 370

where image_id is the number of the image in its list (or its name) and det_id is 1-200, in
other trees the number of the class; pixels count from 0, and xmax, ymax are the last ones
inside. A file whose name ends in .json is a list of COCO's results instead,

    [{"image_id": 17, "category_id": 37, "bbox": [48, 239.5, 147, 131.5], "score": 0.9731}, ...]

A blacklist holds lines "image_id wnid".

A class without objects has no AP, and the mean leaves it out. The interval holds 95 % of the mAPs
of as many images drawn from these with repetition.
Exit codes: 0 done; 1 done, but some images could not be read or have no proposals in the file,
whose objects count as missed; 2 the command or an input cannot be used; 130 interrupted, when
predictions_val.partial.txt holds the images that were done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import _common
import numpy as np
from _datasets import add_dataset_flags, open_split
from _detectors import DETECTOR_FLAGS, add_detector_flags, detection_task, load_detector
from _inputs import open_proposals
from _reports import write_report_of_run
from _scores import Result, print_scores, score_predictions, what_was_scored

with _common.errors_as_lines():
    from detector.classes import ObjectClass, select_classes
    from detector.datasets import Dataset, ImageAnnotation
    from detector.scoring import (
        PROTOCOLS,
        Blacklist,
        Evaluation,
        ImageIndex,
        Predictions,
        gather_predictions,
        read_blacklist,
        read_coco_results,
        read_predictions,
        write_evaluation,
        write_predictions,
    )
    from proposals import ProposalFile

if TYPE_CHECKING:  # so that scoring a file does not wait for torch
    from detector.detections.results import Detections
    from detector.rcnn import Detector


@dataclass(frozen=True)
class Task:
    """What is scored against what. All inputs are read, so that nothing is refused later."""

    dataset: Dataset
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
        result = score_predictions(
            predictions,
            task.annotations,
            task.classes,
            task.blacklist,
            protocol=options.protocol,
            resamples=options.resamples,
        )
        print(
            f"{len(task.annotations)} of {len(task.images)} images;"
            f" {len(task.classes)} classes {task.origin_of_classes}; rules of {options.protocol}"
        )
        if strange := _objects_of_no_class(task):
            print(f"{strange} objects of no class of the data set are ignored")
        print_scores(result, task.classes, every_class=options.classes is not None)
        if options.json is not None:
            _write_json(options, task, result)
        if options.report is not None:
            path = write_report_of_run(
                options,
                arguments,
                task,
                predictions,
                result.interval,
                broken,
            )
            print(f"report written to {path}")
    if broken:
        print(f"skipped {len(broken)} images:", file=sys.stderr)
        print(*(f"  {reason}" for reason in broken), sep="\n", file=sys.stderr)
    return 1 if broken else 0


def _parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _common.teaching_parser(__doc__)
    add_dataset_flags(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="for example val")
    add("--protocol", choices=PROTOCOLS, default="ilsvrc",
        help="rules to score by (default: %(default)s)")
    add("--classes", nargs="+", metavar="KEY",
        help="classes to score, by name, WordNet id or det_id (default: those that the detector"
        " knows; with --predictions, all of the data set)")
    add("--predictions", type=Path, metavar="FILE",
        help="score this file, text or COCO's .json, and detect nothing")
    add("--blacklist", type=Path, metavar="FILE", help="pairs of image and class that do not count")
    add("--resamples", type=_common.count_from_zero, default=1000, metavar="N",
        help="sets of images to draw for the interval, 0 for none (default: %(default)s)")
    add("--json", type=_common.output_file, metavar="FILE",
        help="write the average precisions there, too, and what each detection found: for"
        " tools/compare.py")
    add("--report", type=_common.output_folder, metavar="DIR",
        help="write report.html there: curves, kinds of errors with pictures, and more; with it,"
        " --proposals may stand beside --predictions")
    add("--out", type=_common.output_file, metavar="FILE",
        help="prediction file to write, over what is there (default: predictions_SPLIT.txt)")
    add("--every", type=_common.count_from_one, default=1, metavar="N",
        help="look at every Nth image only (default: %(default)s)")
    # fmt: on
    add_detector_flags(parser)
    options = parser.parse_args(arguments)
    if options.predictions is not None:
        for flag in ("out", *DETECTOR_FLAGS):
            of_report = flag == "proposals" and options.report is not None
            if getattr(options, flag) is not None and not of_report:
                parser.error(
                    f"--{flag.replace('_', '-')} is for detecting: leave it out with --predictions"
                )
    return options


def _prepare(options: argparse.Namespace) -> Task:
    dataset = open_split(options)
    # By number, as pycocotools ranks equal scores by the number of the image.
    order = np.argsort(np.array(dataset.image_numbers, np.int64)).tolist()
    images = ImageIndex(
        [dataset.image_ids[i] for i in order], [dataset.image_numbers[i] for i in order]
    )
    annotations = _read_annotations(dataset, order, options.every)
    blacklist: Blacklist = frozenset()
    if options.blacklist is not None:
        blacklist = read_blacklist(options.blacklist, images, dataset.classes)
    asked = None
    if options.classes is not None:
        asked = select_classes(options.classes, dataset.classes)
    source: Predictions | Detector
    if options.predictions is not None:
        as_json = options.predictions.suffix.lower() == ".json"
        read = read_coco_results if as_json else read_predictions
        source = read(options.predictions, images, dataset.classes)
        classes, origin = asked or dataset.classes, "of the data set"
    else:
        source = load_detector(options)
        classes, origin = _known_classes(dataset, source, asked), "that the detector knows"
    _check_objects(annotations, classes)
    origin = origin if asked is None else "asked for"
    return Task(dataset, images, annotations, classes, origin, blacklist, source)


def _read_annotations(
    dataset: Dataset, order: Sequence[int], every: int
) -> dict[int, ImageAnnotation]:
    """Return every Nth annotation of the data set, by the place of its image in the order."""
    annotations: dict[int, ImageAnnotation] = {}
    with _common.progress(len(order), "reading annotations", "image") as advance_to:
        for index, place in enumerate(order):
            if place % every == 0:
                annotations[index] = dataset[place]
            advance_to(index + 1)
    return annotations


def _known_classes(
    dataset: Dataset, detector: Detector, asked: tuple[ObjectClass, ...] | None
) -> tuple[ObjectClass, ...]:
    """Return the classes of the data set that are asked for, or else all that both know."""
    keys = {object_class.key for object_class in detector.classes}
    known = tuple(c for c in dataset.classes if c.key in keys)
    names = ", ".join(c.name for c in detector.classes)
    if unknown := [c.name for c in asked or () if c not in known]:
        raise ValueError(f"the detector does not know {', '.join(unknown)}: it knows {names}")
    if not known:
        raise ValueError(f"the detector knows no class of the data set: it knows {names}")
    return asked or known


def _check_objects(annotations: dict[int, ImageAnnotation], classes: Sequence[ObjectClass]) -> None:
    present = {key for annotation in annotations.values() for key in annotation.class_keys}
    if present.isdisjoint(c.key for c in classes):
        raise ValueError(
            f"these {len(annotations)} images hold no object of the {len(classes)} classes:"
            " nothing to score"
        )


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
        write_predictions(path, gather_predictions(found, task.dataset.classes), task.images)
        print(f"detections of {len(found)} images written to {path}", file=sys.stderr)
        raise
    predictions = gather_predictions(found, task.dataset.classes)
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


def _objects_of_no_class(task: Task) -> int:
    known = {c.key for c in task.dataset.classes}
    return sum(key not in known for a in task.annotations.values() for key in a.class_keys)


def _write_json(options: argparse.Namespace, task: Task, result: Result) -> None:
    image_ids = tuple(annotation.image_id for annotation in task.annotations.values())
    write_evaluation(
        options.json,
        Evaluation(what_was_scored(options), result.outcomes, task.classes, image_ids),
    )


if __name__ == "__main__":
    sys.exit(main())
