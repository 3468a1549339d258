"""The flag ``--results``: detections in the formats of other programs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from detector.commands.shared.command import refuse_usage

if TYPE_CHECKING:
    from detector.classes import ObjectClass
    from detector.detections.results import Detections
    from detector.scoring.files.result_files import ResultFormat

_COCO_NAME: Final = re.compile(r"(?:COCO_[a-z]+20[0-9]{2}_)?([0-9]{1,15})", re.ASCII)

_FORMATS: Final[Mapping[ResultFormat, str]] = MappingProxyType(
    {
        "coco": "coco (a results list) into a file",
        "ilsvrc": "ilsvrc (the devkit's text) into a file",
        "csv": "csv into a file",
        "voc": "voc (a submission file a class) into a new folder",
        "yolo": "yolo (a text a picture) into a new folder",
    }
)


def add_results_flag(
    parser: argparse.ArgumentParser, *, without: Collection[ResultFormat] = ()
) -> None:
    """Add ``--results``, which `result_targets` reads; ``without`` some formats."""
    formats = ", ".join(text for name, text in _FORMATS.items() if name not in without)
    parser.add_argument(
        "--results",
        action="append",
        default=[],
        metavar="FORMAT=PATH",
        help="write the detections for another program, too; may be given several times:"
        f" {formats}; docs/scoring.md lays them out",
    )


def result_targets(
    options: argparse.Namespace, *, without: Collection[ResultFormat] = ()
) -> list[tuple[ResultFormat, Path]]:
    """Return the formats and paths that a command line names; they can be written to.

    ``without`` are formats that the command has a flag of its own for, or knows too little.
    """
    from detector.scoring.files.result_files import RESULT_FORMATS, check_result_path

    targets: list[tuple[ResultFormat, Path]] = []
    known = {name: name for name in RESULT_FORMATS if name not in without}
    for word in options.results:
        name, _, path = word.partition("=")
        if name not in known or not path:
            refuse_usage(
                f"--results: must be FORMAT=PATH with one of {', '.join(known)}, but is '{word}'"
            )
        check_result_path(known[name], Path(path).expanduser())
        targets.append((known[name], Path(path).expanduser()))
    return targets


def check_names(paths: Sequence[Path]) -> None:
    """Refuse pictures that files of results would call the same."""
    taken: dict[str, Path] = {}
    for path in paths:
        if path.stem in taken:
            raise ValueError(
                f"--results would call both {taken[path.stem]} and {path} {path.stem}: detect on"
                " one after the other"
            )
        taken[path.stem] = path


def write_found(
    result_format: ResultFormat,
    path: Path,
    found: Sequence[tuple[Path, Detections]],
    classes: Sequence[ObjectClass],
) -> None:
    """Write the detections of pictures that are of no data set.

    COCO and VOC have classes of their own: detections of others are left out, and told. A picture
    whose name is COCO's number has that number.
    """
    from detector.classes import coco_classes, voc_classes
    from detector.scoring.files.result_files import ResultImage, ResultSet, write_results
    from detector.scoring.records import gather_predictions

    theirs = {"coco": coco_classes, "voc": voc_classes}
    wanted = tuple(classes) if result_format not in theirs else theirs[result_format]()
    predictions = gather_predictions(enumerate(one for _, one in found), wanted)
    images = tuple(
        ResultImage(one.stem, _number_of(one.stem), detections.image_size)
        for one, detections in found
    )
    write_results(result_format, path, ResultSet(predictions, images, wanted, "test"))
    if lost := sum(len(one) for _, one in found) - len(predictions):
        print(f"{path}: {lost} detections left out, whose classes {result_format} does not have")


def _number_of(name: str) -> int | str:
    match = _COCO_NAME.fullmatch(name)
    return int(match[1]) if match else name
