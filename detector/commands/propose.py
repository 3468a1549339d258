"""Propose boxes that may hold an object, for many pictures, into Parquet.

Examples
--------
Pictures, folders with all that lies below, and patterns (in quotes, so that ** works too):

    inception-rcnn propose street.jpg holiday/ "shots/**/*.png" --out boxes.parquet

A list of one path a line, relative to the folder of the list:

    inception-rcnn propose @pictures.txt --out boxes.parquet

A split of a data set, with its own image ids, into a folder of files:

    inception-rcnn propose --root ILSVRC --split train --out train-boxes

At most 1,000 boxes a picture, by R-CNN's own generator:

    inception-rcnn propose holiday/ --out boxes.parquet --generator fast --max-boxes 1000

A name that ends in .parquet becomes one file, which suits some ten thousand pictures. Any other
becomes a folder of such files with an index, for any number of pictures: its images are read in
any order at the same speed, and nothing is copied at the end.

The commands detect, train and eval-map take either by --proposals. It holds one row an image:
image_id, path, width, height, boxes_xyxy, scores, sources, ranks, error; see the top of
proposals/storage/proposal_file.py. Any Parquet reader opens it.

Rerun the same command to resume a run that was stopped or killed: finished parts stand in the
folder OUT.parts until all are there.

Exit codes: 0 done; 1 done, but pictures were skipped, as they could not be read or the generator
failed at them; 2 the command or its input is wrong; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag, open_split
from detector.commands.shared.inputs import add_picture_inputs, list_pictures
from detector.commands.shared.progress import progress
from detector.commands.shared.proposers import MIN_SIDE, PROPOSERS, proposer_name
from detector.commands.shared.values import count_from_one, seed
from foundation.processors import available_processors
from proposals.storage.header import ProposalSettings

if TYPE_CHECKING:
    from detector.datasets import Dataset
    from proposals.storage.parts import Picture

_SETTINGS = ("generator", "seed", "max_boxes", "min_side")


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_picture_inputs(parser)
    add_dataset_flags(parser, required=False)
    add_folds_flag(parser, "of --root, take")
    add = parser.add_argument
    # fmt: off
    add("--split", help="of --root, for example train")
    add("-o", "--out", type=Path, required=True, metavar="PATH",
        help="what to write: NAME.parquet is one file, any other name a folder of shards")
    # Flags that are not given are not passed on: their defaults are ProposalSettings'.
    add("--generator", type=proposer_name, metavar="NAME",
        help=f"{PROPOSERS} (default: {ProposalSettings.generator})")
    add("--seed", type=seed, metavar="N",
        help=f"of the ranking (default: {ProposalSettings.seed})")
    add("--max-boxes", type=int, metavar="N",
        help="keep the best N boxes of a picture (default: all)")
    add("--min-side", type=int, metavar="N", help=MIN_SIDE)
    add("--workers", type=count_from_one, default=available_processors(), metavar="N",
        help="pictures worked on at the same time (default: one a processor)")
    add("--overwrite", action="store_true",
        help="remove the file or folder and its parts first, and begin anew")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Propose for all pictures, and print what came of it; return the exit code."""
    _check_inputs(options)
    from detector.proposers import make_generator, takes_min_side
    from proposals.storage.batch import IMAGES_A_PART, propose_to_file

    settings = _settings(options)
    if settings.min_side is not None and not takes_min_side(settings.generator):
        refuse_usage(f"argument --min-side: {settings.generator} has no smallest side to choose")
    pictures = _pictures(options)
    make = partial(
        make_generator, settings.generator,
        seed=settings.seed, threads=1, min_side=settings.min_side,
    )  # fmt: skip
    try:
        with progress(len(pictures), "proposing", "image") as advance_to:
            made = propose_to_file(
                pictures, make, options.out, settings,
                workers=options.workers, report=advance_to, overwrite=options.overwrite,
            )  # fmt: skip
    except BaseException as error:
        if not isinstance(error, ValueError):  # by which input is refused
            without = " without --overwrite" if options.overwrite else ""
            print(
                f"finished parts of {IMAGES_A_PART} images are kept in {options.out}.parts: rerun"
                f" the same command{without} to resume",
                file=sys.stderr,
            )
        raise
    return _summary(options.out, made)


def _check_inputs(options: argparse.Namespace) -> None:
    if (options.root is None) != (options.split is None):
        refuse_usage("--root and --split go together")
    if options.folds is not None and options.root is None:
        refuse_usage("--folds are those of a data set: give --root and --split")
    if bool(options.root) == bool(options.inputs):
        refuse_usage("name pictures, or give --root and --split")


def _settings(options: argparse.Namespace) -> ProposalSettings:
    """Take over what the command line gives; all else keeps its one default."""
    given = {name: getattr(options, name) for name in _SETTINGS}
    return ProposalSettings(**{name: value for name, value in given.items() if value is not None})


def _pictures(options: argparse.Namespace) -> list[Picture]:
    from proposals.storage.parquet import valid_unicode
    from proposals.storage.parts import Picture

    if options.root is not None:
        return _pictures_of_split(open_split(options))
    paths = list_pictures(options.inputs)
    return [Picture(valid_unicode(path), path) for path in paths]


def _pictures_of_split(dataset: Dataset) -> list[Picture]:
    from proposals.storage.parts import Picture

    return [Picture(name, dataset.image_path(name).as_posix()) for name in dataset.image_ids]


def _summary(path: Path, made: bool) -> int:
    from proposals import ProposalFile

    with ProposalFile(path) as file:
        what = "written" if made else "was complete already; nothing to do (--overwrite makes anew)"
        print(f"{path}: proposals of {len(file)} images, {what}")
        if file.skipped:
            print(f"skipped {len(file.skipped)} images:", file=sys.stderr)
            print(*(f"  {reason}" for reason in file.skipped.values()), sep="\n", file=sys.stderr)
        return 1 if file.skipped else 0
