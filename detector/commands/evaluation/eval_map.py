r"""Score detections on labelled photographs: average precision a class, their mean, its interval.

Examples
--------
Detect with the model that ships, write predictions_val.txt, score it:

    inception-rcnn eval-map --root ILSVRC --split val

A quick look: every 20th image only, fewer proposals:

    inception-rcnn eval-map --root ILSVRC --split val --every 20 --max-proposals 300

A model of your own, a folder of member files, or a single file of train; the result to a file,
too; compare says whether it is better than another:

    inception-rcnn eval-map --root ILSVRC --split val --model runs/mine --json mine.json
    inception-rcnn eval-map --root ILSVRC --split val --weights member.safetensors --json a.json

The proposals of a file that propose made of the split:

    inception-rcnn eval-map --root ILSVRC --split val --proposals val.parquet

Write the detections as COCO's results list and as VOC's submission files, too; with --predictions,
a file that is there is so converted:

    inception-rcnn eval-map --root VOCdevkit/VOC2007 --split test --results coco=found.json \
        --results voc=results/VOC2007/Main

Score a file that is there, from this or any other detector, in two classes only:

    inception-rcnn eval-map --root ILSVRC --split val --predictions theirs.txt --classes car dog

The same with a page of curves, errors and pictures (docs/report.md), report/report.html:

    inception-rcnn eval-map --root ILSVRC --split val --predictions theirs.txt --report report

The same by other rules, and trees and files of other kinds:

    inception-rcnn eval-map --root ILSVRC --split val --predictions theirs.txt --protocol coco
    inception-rcnn eval-map --root VOCdevkit/VOC2007 --split test --protocol voc2007
    inception-rcnn eval-map --root coco --split val2017 --predictions theirs.json  # by COCO's

The rules (--protocol) are free of the tree's layout (--format, by default what the folder shows):
a tree of COCO is scored by coco where nothing else is said, any other by ilsvrc. docs/scoring.md
compares them.

    ilsvrc    own IoU threshold for each object, from 0.5 down; area under the envelope
    voc2007   IoU 0.5, difficult objects ignored; mean of the precision at 11 levels of recall
    voc       the same with the area under the envelope, as from VOC 2010 on
    coco      pycocotools: its twelve numbers, AP over IoUs 0.50 to 0.95 first; 101 recalls

A tree of ILSVRC DET holds ImageSets/DET/val.txt (lines "image_id number"),
Annotations/DET/val/*.xml and Data/DET/val/*.JPEG. A prediction file holds one detection a line,

    image_id det_id confidence xmin ymin xmax ymax
    17 37 0.9731 48 239.5 194 370

where image_id is the number of the image in its list (or its name) and det_id is 1-200, in
other trees the number of the class; pixels count from 0, and xmax, ymax are the last ones
inside. A file whose name ends in .json is a list of COCO's results instead,

    [{"image_id": 17, "category_id": 37, "bbox": [48, 239.5, 147, 131.5], "score": 0.9731}, ...]

or the document that detect --json writes (with detect -t 0, of all that is found). All may be
packed by gzip (theirs.txt.gz, theirs.json.gz), and call an image as its picture is called,
000000005001.jpg. Scoring a file needs neither pictures nor a folder for them.

A blacklist holds lines "image_id wnid".

A class without objects has no AP, and the mean leaves it out. The 95 % interval is for the mAP
that sets of as many images, from where these come from, have on average (docs/reliability.md).
Classes of fewer than 20 objects are named in a warning.
Exit codes: 0 done; 1 done, but some images could not be read, made the proposer fail, or have no
proposals in the file, and their objects count as missed; 2 the command or an input cannot be used;
130 interrupted, when predictions_val.partial.txt holds the images that were done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag
from detector.commands.shared.detectors import DETECTOR_FLAGS, add_detector_flags
from detector.commands.shared.inputs import open_proposals
from detector.commands.shared.results import add_results_flag, result_targets
from detector.commands.shared.values import (
    count_from_one,
    one_of,
    output_file,
    output_folder,
)


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="for example val")
    add("--protocol", type=one_of(_protocols), metavar="RULES",
        help="rules to score by: ilsvrc, voc2007, voc or coco (default: coco for a tree in COCO's"
        " layout, ilsvrc for others)")
    add("--classes", nargs="+", metavar="KEY",
        help="classes to score, by name, WordNet id or det_id (default: those that the detector"
        " knows; with --predictions, all of the data set)")
    add("--predictions", type=Path, metavar="FILE",
        help="score this file, text or COCO's .json, and detect nothing")
    add("--blacklist", type=Path, metavar="FILE", help="pairs of image and class that do not count")
    add("-j", "--json", type=output_file, metavar="FILE",
        help="write the average precisions there, too, and what each detection found: for compare")
    add("--report", type=output_folder, metavar="DIR",
        help="write report.html there: curves, kinds of errors with pictures, and more; with it,"
        " --proposals may stand beside --predictions")
    add("-o", "--out", type=output_file, metavar="FILE",
        help="prediction file to write, over what is there (default: predictions_SPLIT.txt)")
    add("--every", type=count_from_one, default=1, metavar="N",
        help="look at every Nth image only (default: %(default)s)")
    # fmt: on
    add_results_flag(parser)
    add_detector_flags(parser)
    return parser


def _protocols() -> Sequence[str]:
    from detector.scoring import PROTOCOLS

    return PROTOCOLS


def run(options: argparse.Namespace) -> int:
    """Detect if need be, score, and print; return the exit code."""
    _check(options)
    from detector.commands.evaluation.scoring_task import (
        objects_of_no_class,
        obtain_predictions,
        prepare,
        write_json,
        write_report_of_run,
        write_result_file,
    )
    from detector.scoring.result import score_predictions, score_table

    targets = result_targets(options)
    with open_proposals(options.proposals) as file:
        task = prepare(options)
        predictions, broken = obtain_predictions(task, options, file)
    for result_format, path in targets:
        write_result_file(result_format, path, task, predictions)
        print(f"{len(predictions)} detections written to {path}")
    result = score_predictions(
        predictions,
        task.annotations,
        task.classes,
        task.blacklist,
        protocol=task.protocol,
    )
    print(
        f"{len(task.annotations)} of {len(task.images)} images;"
        f" {len(task.classes)} classes {task.origin_of_classes}; rules of {task.protocol}"
    )
    if strange := objects_of_no_class(task):
        print(f"{strange} objects of no class of the data set are ignored")
    print(*score_table(result, task.classes, every_class=options.classes is not None), sep="\n")
    if options.json is not None:
        write_json(options, task, result)
    if options.report is not None:
        path = write_report_of_run(options, task, predictions, result, broken)
        print(f"report written to {path}")
    if broken:
        print(f"skipped {len(broken)} images:", file=sys.stderr)
        print(*(f"  {reason}" for reason in broken), sep="\n", file=sys.stderr)
    return 1 if broken else 0


def _check(options: argparse.Namespace) -> None:
    if options.predictions is None:
        return
    for flag in ("out", *DETECTOR_FLAGS):
        of_report = flag == "proposals" and options.report is not None
        if getattr(options, flag) is not None and not of_report:
            refuse_usage(
                f"--{flag.replace('_', '-')} is for detecting: leave it out with --predictions"
            )
