"""Compare the members of an ensemble, their means and their cascade; and time them.

Command: ``python benchmarks/ensemble.py --root VOC --split val --proposals val.parquet
--max-proposals 300 --scores val.npz --protocols voc2007 ilsvrc --json FILE``. Every member scores
every region once, and ``--scores`` keeps that: the next time only members that are not in the file
are scored, and the table takes a minute. Delete the file to score all members side by side: in 8
bits a shared stem takes its members' largest ranges, which moves scores by their rounding.

Parts (the table, or those after ``--only``):

table     mAP by the rules of each of ``--protocols``: of each member, of means of the first 2, 3
          ... members, of all ensembles of as many, and of cascades behind the first member.
          Intervals are of 95 % (docs/reliability.md), those of differences by 1,000 paired
          bootstrap resamples. A mean of logs is a geometric mean of the softmax scores. With
          --calibration, means of calibrated scores, too: each member's at the temperature that
          fits kept scores of training photographs best, which ``--split train --every 60 --scores
          train.npz`` makes
speed     seconds an image of one member, all members, and the cascade of the threshold that the
          model or ``--threshold`` gives, in turns: ``--only speed --every 9``
load      seconds to read the files of all members, once they have been read: ``--only load``
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shared.ensemble_speed import measure_loading, measure_speed, print_speed
from shared.ensemble_table import Judge, Row, ensemble_rows, print_header, print_row
from shared.machine import describe_machine
from shared.split_file import digest_of, read_kept, read_scores, save_scores
from shared.temperatures import fit_temperatures

from detector.classes import select_classes
from detector.config import DEFAULT_MODEL, DetectorConfig, Execution
from detector.datasets import Dataset, ImageAnnotation, detect_format, open_dataset
from detector.datasets.folds import parse_folds
from detector.datasets.problems import refuse
from detector.engines import make_engine
from detector.members.file import load_member, open_member
from detector.members.member import Member
from detector.members.models import open_model
from detector.pipeline import MemberScored, prepared_ahead, score_by_member
from detector.rcnn import Detector, Task
from detector.scoring import PROTOCOLS, gather_ground_truth
from detector.training.split_scores import SplitScores, gather_scores
from proposals import ProposalFile, read_image

TRAINING_SPLIT = "train"
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)


def main() -> None:
    """Print the parts asked for, and write them."""
    options = parse()
    members = [load_member(path) for path in options.weights]
    config = settings_of(options)
    annotations = open_split(options.root, options.split, options.folds)[:: options.every]
    document: dict[str, Any] = {"machine": describe_machine(), "images": len(annotations)}
    for part in options.only:
        document[part] = MEASURES[part](options, members, annotations, config)
        if options.json is not None:
            options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def settings_of(options: argparse.Namespace) -> DetectorConfig:
    """Return the ensemble's settings, changed as the command line says."""
    config: DetectorConfig = options.detection
    if options.max_proposals is not None:
        config = replace(config, max_proposals=options.max_proposals)
    if options.threshold is not None:
        config = replace(config, cascade_threshold=options.threshold)
    return config


def print_table(
    options: argparse.Namespace,
    members: Sequence[Member],
    annotations: Sequence[ImageAnnotation],
    config: DetectorConfig,
) -> dict[str, list[Row]]:
    """Print the table of mAP by each protocol, and return it."""
    split = scores_of_split(options, members, annotations, config)
    truth = gather_ground_truth(enumerate(annotations), members[0].classes)
    temperatures = temperatures_of(options, members, annotations)
    classes = members[0].classes
    judged = select_classes(options.classes, classes) if options.classes else classes
    return {
        protocol: rows_of_protocol(
            Judge(split, truth, classes, judged, config, protocol), options, temperatures
        )
        for protocol in options.protocols
    }


def rows_of_protocol(
    judge: Judge, options: argparse.Namespace, temperatures: Sequence[float] | None
) -> list[Row]:
    """Print the table by one protocol row by row, and return it."""
    images, regions = len(judge.split.counts), len(judge.split.boxes_xyxy)
    print_header(
        f"{images} images of {options.split}, {regions} regions, {len(judge.judged)} classes, rules"
        f" of {judge.protocol}"
    )
    rows = []
    names = [path.stem for path in options.weights]
    for row in ensemble_rows(judge, names, options.thresholds, temperatures):
        print_row(row)
        rows.append(row)
    return rows


def open_split(root: Path, split: str, folds: Collection[int] | None) -> Dataset:
    """Return a split of a tree, or some folds of it."""
    dataset = open_dataset(root, split, detect_format(root), refuse)
    return dataset if folds is None else dataset.of_folds(folds)


def print_speeds(
    options: argparse.Namespace,
    members: Sequence[Member],
    annotations: Sequence[ImageAnnotation],
    config: DetectorConfig,
) -> dict[str, dict[str, float]]:
    """Print the seconds an image, and return them."""
    if config.cascade_threshold == 0:
        raise SystemExit("the settings ask for no cascade: give --threshold")
    execution = Execution(precision=options.precision)
    figures = measure_speed(members, config, execution, tasks_of(options, annotations))
    proposals = "proposals included" if options.proposals is None else "without proposals"
    print_speed(figures, f"{len(annotations)} images of {options.split}, {proposals}")
    return figures


def print_loading(options: argparse.Namespace, *_: object) -> dict[str, Any]:
    """Print the seconds that the members' files take to read, and return them."""
    seconds = measure_loading(options.weights)
    size = sum(path.stat().st_size for path in options.weights)
    print(
        f"{len(options.weights)} files of {size / 1e6:.1f} MB: {np.median(seconds):.2f} s to read"
        f" (median of {len(seconds)}, {min(seconds):.2f} to {max(seconds):.2f})"
    )
    return {"files": len(options.weights), "bytes": size, "seconds": seconds}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    # fmt: off
    add("--root", type=Path, required=True)
    add("--split", default="val")
    add("--folds", type=parse_folds, help="only the images of these of ten folds: 0, or 1-9")
    add("--every", type=int, default=1, help="every Nth image only")
    add("--classes", nargs="+", metavar="KEY", help="score these (default: all that are known)")
    add("--protocols", nargs="+", choices=PROTOCOLS, default=("ilsvrc",), help="rules to score by")
    add("--model", default=DEFAULT_MODEL, help="name or folder (default: the one that ships)")
    add("--weights", type=Path, nargs="+", help="member files, in place of a model's")
    add("--proposals", type=Path, help="of inception-rcnn propose (default: propose)")
    add("--max-proposals", type=int, help="regions an image (default: as the model says)")
    add("--precision", default="auto", help="arithmetic of the networks")
    add("--thresholds", type=float, nargs="+", default=THRESHOLDS, help="of the cascades")
    add("--scores", type=Path, help="keep the scores in this file, and take them from it")
    add("--calibration", type=Path, metavar="FILE",
        help="kept scores of photographs of the split train, for calibrated means")
    add("--threshold", type=float, help="of the cascade that is timed (default: the model's)")
    add("--only", nargs="+", choices=tuple(MEASURES), default=("table",))
    add("--json", type=Path, help="write the figures there, too")
    # fmt: on
    options = parser.parse_args()
    if options.weights is None:
        model = open_model(options.model)
        options.weights = [member.path for member in model.members]
        options.detection = model.ensemble.detection
    else:
        options.detection = open_member(options.weights[0]).settings.detection
    return options


def scores_of_split(
    options: argparse.Namespace,
    members: Sequence[Member],
    annotations: Sequence[ImageAnnotation],
    config: DetectorConfig,
) -> SplitScores:
    """Return the scores of all members: of the file where it has them, else worked out."""
    digests = [digest_of(path) for path in options.weights]
    key = {
        "images": [annotation.image_id for annotation in annotations],
        "proposals": None if options.proposals is None else digest_of(options.proposals),
        "regions": [config.max_proposals, config.duplicate_iou],
        "precision": options.precision,
    }
    kept = None if options.scores is None else read_scores(options.scores, key)
    known, split = kept or ([], None)
    missing = [number for number, digest in enumerate(digests) if digest not in known]
    if split is None or missing:
        new = score_split(options, [members[number] for number in missing], annotations, config)
        split = new if split is None else with_members(split, new.member_scores)
        known = [*known, *(digests[number] for number in missing)]
        if options.scores is not None:
            save_scores(options.scores, key, known, split)
    order = [known.index(digest) for digest in digests]
    return replace(split, member_scores=split.member_scores[order])


def temperatures_of(
    options: argparse.Namespace,
    members: Sequence[Member],
    annotations: Sequence[ImageAnnotation],
) -> list[float] | None:
    """Return the temperature of each member that fits the training photographs best."""
    if options.calibration is None:
        return None
    kept = read_kept(options.calibration)
    digests = [digest_of(path) for path in options.weights]
    if missing := [
        path
        for path, digest in zip(options.weights, digests, strict=True)
        if digest not in kept.members
    ]:
        raise SystemExit(f"{options.calibration}: without scores of {missing[0]}")
    if not {one.image_id for one in annotations}.isdisjoint(kept.key["images"]):
        raise SystemExit(f"{options.calibration}: of photographs that the table is of")
    by_id = {one.image_id: one for one in open_split(options.root, TRAINING_SPLIT, None)}
    order = [kept.members.index(digest) for digest in digests]
    return fit_temperatures(
        replace(kept.scores, member_scores=kept.scores.member_scores[order]),
        [by_id[image_id] for image_id in kept.key["images"]],
        [one.key for one in members[0].classes],
    )


def with_members(split: SplitScores, member_scores: NDArray[np.float32]) -> SplitScores:
    """Return scores with those of more members after them."""
    return replace(split, member_scores=np.concatenate([split.member_scores, member_scores]))


def score_split(
    options: argparse.Namespace,
    members: Sequence[Member],
    annotations: Sequence[ImageAnnotation],
    config: DetectorConfig,
) -> SplitScores:
    """Score every region of the images by every one of the members."""
    engine = make_engine(members, Execution(precision=options.precision))
    print(f"scoring {len(members)} members by {engine.name}", flush=True)
    detector = Detector(engine, config=config)
    tasks = tasks_of(options, annotations)
    scored = score_by_member(prepared_ahead(detector.prepare, tasks), engine)
    return gather_scores(with_progress(scored, len(tasks)))


def with_progress(scored: Iterable[MemberScored], total: int) -> Iterator[MemberScored]:
    """Pass images on; say now and then how many were."""
    for done, one in enumerate(scored, start=1):
        yield one
        if done % 20 == 0:
            print(f"{done} of {total} images", file=sys.stderr, flush=True)


def tasks_of(options: argparse.Namespace, annotations: Sequence[ImageAnnotation]) -> list[Task]:
    """Return the images to open, with the proposals of the file if one is given."""
    file = None if options.proposals is None else ProposalFile(options.proposals)
    return [Task(a.image_id, partial(open_image, a, file)) for a in annotations]


def open_image(
    annotation: ImageAnnotation, file: ProposalFile | None
) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """Return a picture with its proposals, if there are any."""
    image = read_image(annotation.image_path)
    if file is None:
        return image, None
    return image, file.for_image(annotation.image_id, image.shape[:2]).boxes_xyxy


MEASURES: Mapping[str, Callable[..., Any]] = {
    "table": print_table,
    "speed": print_speeds,
    "load": print_loading,
}

if __name__ == "__main__":
    main()
