"""What eval-map scores against what: read, detected where there is nothing to read, and written."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.classes import ObjectClass, select_classes
from detector.commands.shared.datasets import chosen_format, open_whole_split
from detector.commands.shared.detectors import detection_task, load_detector
from detector.commands.shared.inputs import open_proposals
from detector.commands.shared.progress import progress
from detector.config import DEFAULT_MODEL
from detector.datasets import Dataset, DatasetFormat, ImageAnnotation
from detector.datasets.folds import FOLDS, fold_of
from detector.scoring import (
    Blacklist,
    Evaluation,
    ImageIndex,
    Predictions,
    Protocol,
    gather_ground_truth,
    gather_predictions,
    read_blacklist,
    read_detections,
    write_evaluation,
    write_predictions,
)
from detector.scoring.counting import count_asked_for
from detector.scoring.files.result_files import (
    ResultFormat,
    ResultImage,
    ResultSet,
    write_results,
)
from detector.scoring.result import Result
from proposals import ProposalFile

if TYPE_CHECKING:  # so that scoring a file does not wait for what runs networks
    from detector.detections.results import Detections
    from detector.rcnn import Detector


_PROTOCOL_OF: Final[Mapping[DatasetFormat, Protocol]] = MappingProxyType(
    {"ilsvrc": "ilsvrc", "voc": "ilsvrc", "coco": "coco"}
)
"""Whose rules a tree is scored by where nobody says; COCO's boxes come with COCO's."""


@dataclass(frozen=True)
class Task:
    """What is scored against what. All inputs are read, so that nothing is refused later."""

    dataset: Dataset
    images: ImageIndex
    annotations: dict[int, ImageAnnotation]  # by image index; all that is looked at
    classes: tuple[ObjectClass, ...]
    origin_of_classes: str
    blacklist: Blacklist
    protocol: Protocol
    source: Predictions | Detector


def prepare(options: argparse.Namespace) -> Task:
    """Read all that is scored, and load the detector if there is one to run."""
    detects = options.predictions is None
    dataset = open_whole_split(options, pictures=detects)  # a prediction file may be of all of it
    # By number, as pycocotools ranks equal scores by the number of the image.
    order = np.argsort(np.array(dataset.image_numbers, np.int64)).tolist()
    images = ImageIndex(
        [dataset.image_ids[i] for i in order], [dataset.image_numbers[i] for i in order]
    )
    annotations = _read_annotations(dataset, order, _places(dataset, options))
    blacklist: Blacklist = frozenset()
    if options.blacklist is not None:
        blacklist = read_blacklist(options.blacklist, images, dataset.classes)
    asked = None
    if options.classes is not None:
        asked = select_classes(options.classes, dataset.classes)
    source: Predictions | Detector
    if not detects:
        source = read_detections(options.predictions, images, dataset.classes)
        classes, origin = asked or dataset.classes, "of the data set"
    else:
        source = load_detector(options)
        classes, origin = _known_classes(dataset, source, asked), "that the detector knows"
    protocol: Protocol = options.protocol or _PROTOCOL_OF[chosen_format(options)]
    _check_objects(annotations, classes, blacklist, protocol)
    origin = origin if asked is None else "asked for"
    return Task(dataset, images, annotations, classes, origin, blacklist, protocol, source)


def _places(dataset: Dataset, options: argparse.Namespace) -> frozenset[int]:
    """Return which places of the data set's list are looked at."""
    folds = range(FOLDS) if options.folds is None else options.folds
    places = [place for place, name in enumerate(dataset.image_ids) if fold_of(name) in folds]
    return frozenset(places[:: options.every])


def _read_annotations(
    dataset: Dataset, order: Sequence[int], places: Container[int]
) -> dict[int, ImageAnnotation]:
    """Return the annotations at some places of the data set, by the places in the order."""
    annotations: dict[int, ImageAnnotation] = {}
    with progress(len(order), "reading annotations", "image") as advance_to:
        for index, place in enumerate(order):
            if place in places:
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


def _check_objects(
    annotations: dict[int, ImageAnnotation],
    classes: Sequence[ObjectClass],
    blacklist: Blacklist,
    protocol: Protocol,
) -> None:
    """Refuse images of which nothing is asked for, before anything is detected on them."""
    truth = gather_ground_truth(annotations.items(), classes)
    if count_asked_for(truth, blacklist, protocol) == 0:
        others = f" but {len(truth)} that the rules of {protocol} do not ask for" * bool(len(truth))
        raise ValueError(
            f"these {len(annotations)} images hold no object of the {len(classes)} classes"
            f"{others}: nothing to score; choose other classes or images"
        )


def obtain_predictions(
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
        found.extend(_detections(task.source, task.annotations, file, broken))
    except (KeyboardInterrupt, Exception):  # hours may stand in what was found
        path = path.with_suffix(f".partial{path.suffix}")
        write_predictions(path, gather_predictions(found, task.dataset.classes), task.images)
        print(f"detections of {len(found)} images written to {path}", file=sys.stderr)
        raise
    predictions = gather_predictions(found, task.dataset.classes)
    write_predictions(path, predictions, task.images)
    print(f"{len(predictions)} detections written to {path}")
    return predictions, broken


def _detections(
    detector: Detector,
    annotations: dict[int, ImageAnnotation],
    file: ProposalFile | None,
    broken: list[str],
) -> Iterator[tuple[int, Detections]]:
    """Yield the detections of each image with its index; note skipped ones in ``broken``."""
    index_of: dict[Hashable, int] = {one.image_id: index for index, one in annotations.items()}
    outcomes = detector.detect_all(detection_task(one, file) for one in annotations.values())
    with progress(len(annotations), "detecting", "image") as advance_to:
        for done, outcome in enumerate(outcomes, start=1):
            if outcome.detections is None:
                broken.append(str(outcome.error))
            else:
                yield index_of[outcome.key], outcome.detections
            advance_to(done)


def write_result_file(
    result_format: ResultFormat, path: Path, task: Task, predictions: Predictions
) -> None:
    """Write predictions of the images looked at in a format of another program."""
    places = np.array(list(task.annotations), np.int64)
    images = tuple(
        ResultImage(one.image_id, task.images.image_numbers[index], one.image_size)
        for index, one in task.annotations.items()
    )
    renumbered = replace(
        predictions, image_indices=np.searchsorted(places, predictions.image_indices)
    )
    write_results(
        result_format,
        path,
        ResultSet(renumbered, images, task.dataset.classes, task.dataset.split),
    )


def objects_of_no_class(task: Task) -> int:
    """Count the objects whose classes the data set does not list."""
    known = {c.key for c in task.dataset.classes}
    return sum(key not in known for a in task.annotations.values() for key in a.class_keys)


def write_json(options: argparse.Namespace, task: Task, result: Result) -> None:
    """Write what ``compare`` reads."""
    image_ids = tuple(annotation.image_id for annotation in task.annotations.values())
    write_evaluation(
        options.json,
        Evaluation(_what_was_scored(options), result.outcomes, task.classes, image_ids),
        result.coco,
    )


def write_report_of_run(
    options: argparse.Namespace,
    task: Task,
    predictions: Predictions,
    result: Result,
    skipped: Sequence[str],
) -> Path:
    """Write the report of a run of eval-map with these options; return its path."""
    from detector.report import ReportInput, write_report

    with open_proposals(options.proposals) as file:
        return write_report(
            options.report,
            ReportInput(
                annotations=task.annotations,
                predictions=predictions,
                classes=task.classes,
                blacklist=task.blacklist,
                protocol=task.protocol,
                mean_ap=result.interval,
                coco=result.coco,
                scored=_what_was_scored(options),
                command=shlex.join(["inception-rcnn", "eval-map", *options.arguments]),
                date=datetime.now().astimezone(),
                proposals=file,
                skipped=tuple(skipped),
            ),
        )


def _what_was_scored(options: argparse.Namespace) -> str:
    """Name what a run of eval-map scores."""
    if options.predictions is not None:
        return str(options.predictions.name)
    if options.weights is not None:
        return ", ".join(path.name for path in options.weights)
    model = f"model {options.model or DEFAULT_MODEL}"
    return model if options.members is None else f"{model}, {' '.join(options.members)}"
