"""Choose the threshold of a cascade on training photographs, and write it into a model's settings.

Examples
--------
See what the model that ships would lose, on every 10th training photograph:

    inception-rcnn tune-cascade --root ILSVRC --split train --every 10

A model of your own, a folder of member files of which the first by name stands in front; write
what was chosen into runs/mine/ensemble.json, which is made where it is missing:

    inception-rcnn tune-cascade --root ILSVRC --split train --lost 0.2 --model runs/mine --write

Would another order or choice of its members do better? Single files, by --weights, are tried alike:

    inception-rcnn tune-cascade --root ILSVRC --split train --model runs/mine --members b a

All networks score every region; then thresholds from 0 on are tried in steps of 0.01, until the
mAP falls more than --lost points behind the mean of all networks. The last before that is chosen.
Networks are surer of photographs that they were trained on than of others. Never choose on
photographs that a result is reported on. Member files stay as they are.
Exit codes: 0 done; 2 the command or an input cannot be used.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag, open_split
from detector.commands.shared.detectors import (
    add_detector_flags,
    detection_task,
    load_detector,
    model_arguments,
)
from detector.commands.shared.inputs import open_proposals
from detector.commands.shared.progress import progress
from detector.commands.shared.values import count_from_one, points

if TYPE_CHECKING:
    from detector.datasets import ImageAnnotation
    from detector.pipeline import MemberScored
    from detector.rcnn import Detector
    from detector.training.cascade_tuning import Trial
    from detector.training.split_scores import SplitScores
    from proposals import ProposalFile


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="of training photographs, for example train")
    add("--every", type=count_from_one, default=1, metavar="N",
        help="look at every Nth photograph only (default: %(default)s)")
    add("--lost", type=points, default=0.1, metavar="POINTS",
        help="mAP that may be lost, in points (default: %(default)s)")
    add("--write", action="store_true",
        help="write the threshold into the model's ensemble.json; all else there stays as it is")
    # fmt: on
    add_detector_flags(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Try thresholds, print them, and write the one that is chosen; return the exit code."""
    from detector.scoring import gather_ground_truth
    from detector.training.cascade_tuning import try_thresholds

    _check(options)
    annotations = open_split(options)[:: options.every]
    detector = load_detector(options, cascade_threshold=0)
    if len(detector.engine.settings) < 2:
        raise ValueError("a cascade needs two networks or more: name more of them")
    with open_proposals(options.proposals) as file:
        split = _score(detector, annotations, file)
    truth = gather_ground_truth(enumerate(annotations), detector.classes)
    trials = try_thresholds(split, truth, detector.classes, detector.config, allowed=options.lost)
    chosen = _print_trials(trials)
    if options.write:
        _write(options, chosen.threshold)
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.exact:
        refuse_usage("--exact is how this command works always: leave it out")
    if any(path.suffix == ".onnx" for path in options.weights or ()):
        raise ValueError("an ONNX file has no cascade: give member files")
    if options.write and options.weights is not None:
        refuse_usage(
            "--write changes a model, not single files: put them into one folder and name it by"
            " --model"
        )
    if options.write and options.members is not None:
        refuse_usage("--write is for all members of a model: leave --members out")


def _score(
    detector: Detector, annotations: Sequence[ImageAnnotation], file: ProposalFile | None
) -> SplitScores:
    """Return every network's scores of every region."""
    from detector.pipeline import prepared_ahead, score_by_member
    from detector.training.split_scores import gather_scores

    tasks = (detection_task(annotation, file) for annotation in annotations)
    scored = score_by_member(prepared_ahead(detector.prepare, tasks), detector.engine)
    with progress(len(annotations), "scoring", "photograph") as advance_to:

        def told() -> Iterator[MemberScored]:
            for done, one in enumerate(scored, start=1):
                yield one
                advance_to(done)

        return gather_scores(told())


def _print_trials(trials: Iterator[Trial]) -> Trial:
    """Print a row a threshold; return the last."""
    print("threshold     mAP  points lost  regions that go on")
    for trial in trials:
        row = f"{trial.threshold:9.2f}  {trial.mean_ap:.4f}  {trial.lost:11.2f}"
        print(f"{row}  {100 * trial.going_on:16.1f} %")
    print(f"cascade_threshold {trial.threshold:g}")
    return trial


def _write(options: argparse.Namespace, threshold: float) -> None:
    from detector.members.ensemble_file import save_ensemble
    from detector.members.models import open_model

    model = open_model(**model_arguments(options))
    detection = replace(model.ensemble.detection, cascade_threshold=threshold)
    save_ensemble(model.ensemble_path, replace(model.ensemble, detection=detection))
    print(f"{model.ensemble_path}: written")
