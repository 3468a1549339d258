"""Find everything that is wrong with a data set, before a night of training is lost to it.

Examples
--------
All annotations of a split of an ILSVRC DET tree, and whether each picture is there:

    inception-rcnn check-dataset --root ILSVRC --split train

The pictures, too: each is decoded, which takes a while:

    inception-rcnn check-dataset --root ILSVRC --split train --pictures

PASCAL VOC, or photographs of your own in its layout; what was found to a file, too:

    inception-rcnn check-dataset --root VOCdevkit/VOC2007 --split trainval --json found.json

COCO, or what a labelling tool exports as COCO:

    inception-rcnn check-dataset --root COCO --split val2017

Each problem is one line: the file, the element, its value and what to do. Problems are damaged
files, values that cannot be, boxes outside their image, files that are missing, classes that the
data set does not have, and one box twice; with --pictures also pictures that cannot be decoded or
have another size than the annotation says. Readers stop at the first of these. Notes are worth a
look: files that no list names, classes without objects, pictures that EXIF turns.

docs/datasets.md describes the layouts, and what becomes of difficult objects, crowds and boxes
that leave their image.
Exit codes: 0 nothing is wrong, though there may be notes; 1 there are problems; 2 the tree or the
command cannot be used.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, open_whole_split
from detector.commands.shared.progress import progress
from detector.commands.shared.values import output_file

if TYPE_CHECKING:
    from detector.classes import ObjectClass
    from detector.datasets import Dataset
    from detector.datasets.check import Contents
    from detector.datasets.problems import Problem


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add = parser.add_argument
    add("folder", nargs="?", type=Path, metavar="ROOT", help="the same as --root ROOT")
    add_dataset_flags(parser, required=False)
    # fmt: off
    add("--split", required=True, help="for example train")
    add("--pictures", action="store_true", help="decode every picture, and compare its size")
    add("-j", "--json", type=output_file, metavar="FILE",
        help="write problems, notes and numbers there, too")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Print, and write, what is wrong; return the exit code."""
    from detector.datasets.check import check_dataset
    from foundation.files import write_text

    if (options.root is None) == (options.folder is None):
        refuse_usage("name the data set's folder once, as --root ROOT or as ROOT")
    options.root = options.root or options.folder
    problems: list[Problem] = []
    dataset = open_whole_split(options, problems.append)
    with progress(len(dataset), "checking", "image") as advance_to:
        contents = check_dataset(
            dataset, problems.append, pictures=options.pictures, advance_to=advance_to
        )
    _print(dataset, contents, problems)
    if options.json is not None:
        document = _document(dataset, contents, problems)
        write_text(options.json, json.dumps(document, indent=2) + "\n")
    return 1 if problems else 0


def _print(dataset: Dataset, contents: Contents, problems: Sequence[Problem]) -> None:
    _print_all("problem", problems)
    _print_all("note", contents.notes)
    if not dataset.labelled:
        print(f"{contents.images} images, without annotations: for detection only")
        return
    rows = list(_rows(dataset, contents))
    width = max((len(c.name) for c, _, _ in rows), default=0)
    width = max(width, len("class"))
    if rows:
        print(f"{'class':<{width}}  objects  images")
    for object_class, objects, images in rows:
        print(f"{object_class.name:<{width}}  {objects:>7}  {images:>6}")
    print(
        f"{contents.annotated} of {contents.images} images read;"
        f" {contents.objects_of.total()} objects of {len(rows)} classes,"
        f" {contents.difficult} difficult, {contents.crowd} crowds"
    )
    print(f"{len(problems)} problems, {len(contents.notes)} notes")


def _print_all(kind: str, found: Iterable[Problem]) -> None:
    for problem in found:
        print(f"{kind}: {problem}")


def _rows(dataset: Dataset, contents: Contents) -> Iterator[tuple[ObjectClass, int, int]]:
    """Yield the classes with objects, unknown ones last, and their objects and images."""
    from detector.classes import ObjectClass

    known = {c.key for c in dataset.classes}
    strange = [ObjectClass(0, "", key) for key in sorted(contents.objects_of.keys() - known)]
    classes = [*dataset.classes, *strange]
    for object_class in classes:
        if contents.objects_of[object_class.key]:
            yield (
                object_class,
                contents.objects_of[object_class.key],
                contents.images_of[object_class.key],
            )


def _document(dataset: Dataset, contents: Contents, problems: Sequence[Problem]) -> dict[str, Any]:
    from detector.datasets.check import classes_without_objects

    return {
        "images": contents.images,
        "annotated": contents.annotated,
        "objects": contents.objects_of.total(),
        "difficult": contents.difficult,
        "crowd": contents.crowd,
        "classes": [
            {"key": c.key, "name": c.name, "objects": objects, "images": images}
            for c, objects, images in _rows(dataset, contents)
        ],
        "classes_without_objects": [
            c.key for c in classes_without_objects(dataset.classes, contents)
        ],
        "problems": [_entry(problem) for problem in problems],
        "notes": [_entry(note) for note in contents.notes],
    }


def _entry(problem: Problem) -> dict[str, Any]:
    line = {} if problem.line is None else {"line": problem.line}
    return {"file": str(problem.path), **line, "what": problem.what}
