"""Propose boxes that may hold an object, for many pictures, into one Parquet file.

Examples
--------
Pictures, folders with all that lies below, and patterns (in quotes, so that ** works too):

    python tools/propose.py street.jpg holiday/ "shots/**/*.png" --out boxes.parquet

A list of one path a line, relative to the folder of the list; --list FILE does the same:

    python tools/propose.py @pictures.txt --out boxes.parquet

A split of a data set, with its own image ids; --format tells VOC and COCO from ILSVRC DET:

    python tools/propose.py --root ILSVRC --split train --out train.parquet

At most 1,000 boxes a picture, by R-CNN's own generator:

    python tools/propose.py holiday/ --out boxes.parquet --generator fast --max-boxes 1000

tools/detect.py, train.py and eval_map.py take the file by --proposals. It holds one row an
image: image_id, path, width, height, boxes_xyxy, scores, sources, ranks, error; see the top of
proposals/storage/proposal_file.py. Any Parquet reader opens it.

A run that was stopped or killed goes on when the same command is given again: finished parts
stand in the folder OUT.parts until all are there.

Exit codes: 0 done; 1 done, but pictures were skipped; 2 the command or its input is wrong;
130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import _common
from _datasets import add_dataset_flags, open_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.datasets import Dataset
    from proposals.storage.header import ProposalSettings
    from proposals.storage.parts import Picture

_SETTINGS = ("generator", "seed", "max_boxes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    with _common.errors_as_lines():
        options = _parse_options(arguments)
        return _propose(options)


def _parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.root is None) != (options.split is None):
        parser.error("--root and --split go together")
    if bool(options.root) == bool(options.inputs or options.list):
        parser.error("name pictures, or give --root and --split")
    if options.out.is_dir():
        parser.error(f"--out must be a file, but '{options.out}' is a folder")
    return options


def _parser() -> argparse.ArgumentParser:
    from _generators import generator_names

    from proposals.storage.header import ProposalSettings

    parser = _common.teaching_parser(__doc__)
    add = parser.add_argument
    # fmt: off
    add("inputs", nargs="*", metavar="INPUT",
        help="picture, folder, pattern, or @list")
    add("--list", type=Path, action="append", default=[], metavar="FILE",
        help="text file of one path a line; may be repeated")
    add_dataset_flags(parser, required=False)
    add("--split", help="of --root, for example train")
    add("--out", type=Path, required=True, metavar="FILE", help="Parquet file to write")
    # Flags that are not given are not passed on: their defaults are ProposalSettings'.
    add("--generator", choices=generator_names(),
        help=f"(default: {ProposalSettings.generator})")
    add("--seed", type=int,
        help=f"of the ranking (default: {ProposalSettings.seed})")
    add("--max-boxes", type=int, metavar="N",
        help="keep the best N boxes of a picture (default: all)")
    add("--workers", type=_common.count_from_one, default=os.cpu_count() or 1, metavar="N",
        help="pictures worked on at the same time (default: one a processor)")
    add("--overwrite", action="store_true",
        help="remove the file and its parts first, and begin anew")
    # fmt: on
    return parser


def _propose(options: argparse.Namespace) -> int:
    from _generators import make_generator

    from proposals.storage.batch import IMAGES_A_PART, propose_to_file

    settings = _settings(options)
    pictures = _pictures(options)
    make = partial(make_generator, settings.generator, seed=settings.seed, threads=1)
    try:
        with _common.progress(len(pictures), "proposing", "image") as advance_to:
            made = propose_to_file(
                pictures, make, options.out, settings,
                workers=options.workers, report=advance_to, overwrite=options.overwrite,
            )  # fmt: skip
    except KeyboardInterrupt:
        without = " without --overwrite" if options.overwrite else ""
        print(
            f"finished parts of {IMAGES_A_PART} images are kept in {options.out}.parts: give the"
            f" same command again{without} to go on",
            file=sys.stderr,
        )
        raise
    return _summary(options.out, made)


def _settings(options: argparse.Namespace) -> ProposalSettings:
    """Take over what the command line gives; all else keeps its one default."""
    from proposals.storage.header import ProposalSettings

    given = {name: getattr(options, name) for name in _SETTINGS}
    return ProposalSettings(**{name: value for name, value in given.items() if value is not None})


def _pictures(options: argparse.Namespace) -> list[Picture]:
    from _inputs import list_pictures

    from proposals.storage.parquet import valid_unicode
    from proposals.storage.parts import Picture

    if options.root is not None:
        return _pictures_of_split(open_split(options))
    paths = list_pictures(options.inputs, options.list)
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


if __name__ == "__main__":
    sys.exit(main())
