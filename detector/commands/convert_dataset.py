r"""Convert a labelled data set between the layouts of ILSVRC DET, PASCAL VOC and COCO.

Examples
--------
VOC 2007 as an ILSVRC DET tree:

    inception-rcnn convert-dataset --root VOCdevkit/VOC2007 --split trainval \
        --to ilsvrc --out tree

Your own pictures, as a labelling tool wrote them for COCO, for a program that reads VOC:

    inception-rcnn convert-dataset --root MINE --split train --to voc --out MINE-voc

Two classes of COCO only:

    inception-rcnn convert-dataset --root COCO --split val2017 --to ilsvrc --out two \
        --classes person "traffic light"

Splits can be added to a tree one after the other. Pictures get a second name (a hard link) where
the file system allows that, and are copied elsewhere; all bytes stay what they are. ILSVRC DET
and VOC hold JPEG files only: a picture of another kind is encoded for them, at quality 95.

ILSVRC DET names classes by WordNet ids and knows 200: objects of others are left out, and counted
at the end. VOC gets the names of the classes, and a file classes.txt where it does not have them
all. What a layout has no place for is counted, too: ILSVRC DET knows no difficult objects, no
crowds and no areas of masks, VOC no crowds and no areas, COCO no difficult objects. COCO's crowds
become VOC's difficult objects, which nobody has to find either; else they become objects like
others. --leave-out takes them away. Numbers of images and classes that change are counted, as
prediction files name them; and the last line says what is never read, such as poses and masks.

A picture or annotation that is damaged is skipped; a picture must have the size that its
annotation states. The list of the split, in COCO the JSON file, is written last: a conversion
that was cut off goes on when the same command is given again, and a split that is complete is
not touched.

Exit codes: 0 done; 1 done, but images or objects were skipped; 2 the command or its input is
wrong, or a file cannot be written; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.datasets import (
    add_format_flag,
    chosen_format,
    dataset_formats,
    open_whole_split,
)
from detector.commands.shared.progress import progress
from detector.commands.shared.values import one_of, output_folder

if TYPE_CHECKING:
    from detector.datasets.conversion.convert import Conversion
    from detector.datasets.conversion.writer import DatasetWriter

_CHANGES = {
    "encoded": "pictures were no JPEG: encoded anew, at quality 95",
    "renamed": "images have names of several words: written with _ between them",
    "renumbered": "images have other numbers there, which prediction files must have",
    "reclassed": "classes have other numbers there, which prediction files must have",
    "widened": "boxes are thinner than a pixel: widened to one",
}
_MARKS = {
    "difficult": "objects are marked as difficult: written like others",
    "crowd": "boxes are drawn around crowds: written like single objects",
    "areas": "objects have an area that is not their box's: left away",
}
_NEVER_READ = {
    "ilsvrc": "occluded and truncated, lists of classes, blacklists",
    "voc": "pose, truncated, occluded, parts, segmentations, lists of classes",
    "coco": "masks, keypoints, captions, supercategories, licences",
}


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add = parser.add_argument
    add("--root", type=Path, required=True, metavar="DIR", help="folder of the data set")
    add_format_flag(parser, "--format", "--from")
    # fmt: off
    add("--split", required=True, help="list of images, for example train")
    add("--to", dest="target_format", type=one_of(dataset_formats), required=True, metavar="NAME",
        help="layout to write: ilsvrc, voc or coco")
    add("-o", "--out", type=output_folder, required=True, metavar="DIR", help="folder to write to")
    add("--classes", nargs="+", metavar="KEY",
        help="write objects of these only, by name, WordNet id or number (default: all)")
    add("--leave-out", nargs="+", choices=("difficult", "crowd"), default=[],
        help="write no objects that are marked so")
    add("--copy", action="store_true", help="copy pictures, even where a link would do")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Convert, and print what came of it; return the exit code."""
    from detector.classes import select_classes
    from detector.datasets.conversion.convert import convert_dataset, open_writer
    from detector.datasets.problems import Problem

    problems: list[Problem] = []
    dataset = open_whole_split(options, problems.append)
    classes = dataset.classes
    if options.classes:
        classes = select_classes(options.classes, classes)
    writer = open_writer(
        options.out, options.split, options.target_format, classes, copy=options.copy
    )
    with progress(len(dataset), "converting", "image") as advance_to:
        result = convert_dataset(
            dataset, writer, classes, advance_to, leave_out=frozenset(options.leave_out)
        )
    _print_result(writer, result)
    print(f"never carried over: {_NEVER_READ[chosen_format(options)]}")
    skipped = [*map(str, problems), *result.skipped]
    if skipped:
        print(f"skipped {len(skipped)} images or objects:", file=sys.stderr)
        print(*(f"  {reason}" for reason in skipped), sep="\n", file=sys.stderr)
    return 1 if skipped else 0


def _print_result(writer: DatasetWriter, result: Conversion) -> None:
    print(f"{writer.list_path}: {result.images} images, {result.objects} objects")
    _print_counts(writer.changes, _CHANGES)
    _print_counts(result.unmarked, _MARKS)
    if result.veiled:
        print(f"{result.veiled} boxes are drawn around crowds: written as difficult objects")
    if result.left_out:
        names = ", ".join(f"{name} {count}" for name, count in result.left_out.most_common())
        print(f"{result.left_out.total()} objects are of classes without a place: {names}")


def _print_counts(counts: Mapping[Any, int], texts: Mapping[str, str]) -> None:
    for key, text in texts.items():
        if counts.get(key):
            print(f"{counts[key]} {text}")
