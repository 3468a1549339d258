"""Detect objects in pictures: a table on the terminal, and a copy with the boxes drawn in.

Examples
--------
Try it on two photographs that come with scikit-image:

    inception-rcnn detect --samples

Your own pictures, and all the pictures of a folder and of those in it; the copies go to the
folder out:

    inception-rcnn detect street.jpg holiday/

Fewer and surer detections, faster, as COCO-style JSON too:

    inception-rcnn detect holiday/ --threshold 0.8 --max-proposals 500 --json holiday.json

A table for a spreadsheet or pandas, and no drawn copies; everything cut out, a picture each:

    inception-rcnn detect holiday/ --csv holiday.csv --no-draw
    inception-rcnn detect holiday/ --crops cut

Dogs and cats only, by name, WordNet id or number; inception-rcnn classes lists what there is:

    inception-rcnn detect holiday/ --classes dog "domestic cat"

A threshold of its own for some classes:

    inception-rcnn detect holiday/ -t 0.5 -t person=0.8 -t "domestic cat=0.3"

A picture from standard input, and every 25th frame of a video:

    curl -s https://example.org/street.jpg | inception-rcnn detect -
    inception-rcnn detect clip.mp4 --every 25 --csv clip.csv

All that is found, as COCO's results list and as one text a picture for tools of YOLO:

    inception-rcnn detect val2017/ -t 0 --results coco=found.json --results yolo=labels

The proposals of a file that propose made of these pictures:

    inception-rcnn detect holiday/ --proposals boxes.parquet

A model of your own, which is a folder of member files of train, whose scores are averaged; or the
files one by one:

    inception-rcnn detect street.jpg --model runs/mine
    inception-rcnn detect street.jpg --weights a/member.safetensors --weights b/member.safetensors

A detector of one file, made by export:

    inception-rcnn detect street.jpg --weights detector.onnx

Boxes are in pixels of the upright picture; xmax and ymax are the first pixels outside.
docs/detecting.md lays the files out.
Exit codes: 0 done; 1 done, but some pictures or videos could not be read, made the proposer fail,
or have no proposals in the file; 2 the command, the weights, the file or the output folder cannot
be used; 130 interrupted, when the JSON holds the pictures that were done.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from detector.commands.detection.outputs import (
    DRAWN_VIDEO_SUFFIX,
    Outputs,
    opened_outputs,
    whereabouts,
)
from detector.commands.detection.sources import Shot, Source, list_sources, tasks
from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.detectors import add_detector_flags, load_detector
from detector.commands.shared.inputs import DRAWN_SUFFIX, add_picture_inputs, open_proposals
from detector.commands.shared.progress import print_line, progress
from detector.commands.shared.results import add_results_flag, check_names, result_targets
from detector.commands.shared.values import (
    count_from_one,
    output_file,
    output_folder,
    threshold,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from detector.classes import ObjectClass
    from detector.detections.results import Detections
    from detector.rcnn import Outcome
    from detector.scoring.files.result_files import ResultFormat
    from proposals import ProposalFile

_THRESHOLD: Final = 0.5
_NAME_WIDTH, _CLASS_WIDTH = 28, 20
_NOT_AS_RESULTS: Final[frozenset[ResultFormat]] = frozenset(
    {"ilsvrc", "csv"}  # one wants the numbers of a list, the other has a flag of its own
)


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_picture_inputs(parser, "; a video, by its name; or - for a picture from standard input")
    add = parser.add_argument
    # fmt: off
    add("--samples", action="store_true", help="detect on scikit-image's astronaut and cat")
    add("-t", "--threshold", type=threshold, action="append", default=[], metavar="[CLASS=]T",
        help=f"lowest score that is shown, 0-1 (default: {_THRESHOLD}); CLASS=T is that of one"
        " class, by name, WordNet id or number, and may be given several times")
    add("--classes", nargs="+", metavar="KEY",
        help="detect, draw and write only these: names, WordNet ids or numbers (default: all that"
        " the model knows)")
    add("--every", type=count_from_one, metavar="N",
        help="detect on every Nth frame of a video only; the drawn video has just these (default:"
        " 1)")
    copies = parser.add_mutually_exclusive_group()
    copies.add_argument("-o", "--out", type=output_folder, default=Path("out"), metavar="DIR",
        help=f"folder for the copies with boxes, NAME{DRAWN_SUFFIX} and of videos"
        f" NAME{DRAWN_VIDEO_SUFFIX} (default: %(default)s)")
    copies.add_argument("--no-draw", action="store_true", help="draw no copies")
    add("--crops", type=output_folder, metavar="DIR",
        help="cut every detection out of its picture, too, into"
        " DIR/NAME-NUMBER-CLASS-SCORE.png; those of a video into DIR/NAME. Pictures in DIR are not"
        " taken from folders and patterns")
    add("-j", "--json", type=output_file, metavar="FILE", help="write COCO-style JSON too")
    add("--csv", type=output_file, metavar="FILE",
        help="write a table with a row a detection too; it appears when all is done")
    # fmt: on
    add_results_flag(parser, without=_NOT_AS_RESULTS)
    add_detector_flags(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Detect, draw, write and print; return the exit code."""
    if not (options.samples or options.inputs):
        refuse_usage("name a picture or a folder, or give --samples")
    with open_proposals(options.proposals) as file:
        return _detect_all(options, file)


def _detect_all(options: argparse.Namespace, file: ProposalFile | None) -> int:
    sources = list_sources(options)
    targets = result_targets(options, without=_NOT_AS_RESULTS)
    if targets:
        check_names([source.path for source in sources])
    wanted = _Wanted.of(options)
    detector = load_detector(options)
    # No higher: regions that are not shown may vote on the boxes of those that are.
    floor = min(detector.config.min_score, wanted.lowest_threshold)
    detector.config = replace(detector.config, min_score=floor)
    classes = wanted.among(detector.classes)
    if not options.no_draw:
        options.out.mkdir(parents=True, exist_ok=True)
    outcomes = detector.detect_all(tasks(sources, file, options.every or 1))
    with opened_outputs(options, targets, classes) as outputs:
        print_line(_row("file", "class", "score", ("xmin", "ymin", "xmax", "ymax")))
        with _progress(sources) as advance_to:
            for source, of_source in groupby(_counted(outcomes, advance_to), _source_of):
                outputs.tally.failed += not _take(source, of_source, wanted, outputs)
    print_line(f"{outputs.tally}; {whereabouts(options)}", sys.stderr)
    return 1 if outputs.tally.failed else 0


@dataclass(frozen=True)
class _Wanted:
    """Which detections a command line asks for.

    Attributes
    ----------
    threshold : float
        Of the classes that have none of their own.
    by_class : mapping of str to float
        Thresholds of some classes, by the keys of users.
    classes : sequence of str or None
        Keys of classes; None stands for all.
    """

    threshold: float
    by_class: Mapping[str, float]
    classes: Sequence[str] | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> _Wanted:
        general, by_class = _THRESHOLD, {}
        for key, value in options.threshold:
            if key is None:
                general = value
            elif key in by_class:
                refuse_usage(f"--threshold: '{key}' has two thresholds: give each class one")
            else:
                by_class[key] = value
        return cls(general, by_class, options.classes)

    @property
    def lowest_threshold(self) -> float:
        return min([self.threshold, *self.by_class.values()])

    def among(self, known: Sequence[ObjectClass]) -> Sequence[ObjectClass]:
        """Return the classes that are asked for; refuse keys of none of them."""
        from detector.classes import select_classes

        chosen = known if self.classes is None else select_classes(self.classes, known)
        try:
            select_classes(self.by_class, chosen)
        except ValueError as error:
            raise ValueError(f"--threshold: {error}") from None
        return chosen

    def of_found(self, found: Detections) -> Detections:
        if self.classes is not None:
            found = found.of_classes(*self.classes)
        return found.above(self.threshold, self.by_class)


def _take(source: Source, outcomes: Iterable[Outcome], wanted: _Wanted, outputs: Outputs) -> bool:
    """Print and write what was found in a source; return whether all of it could be used."""
    from proposals.images import ImageError

    errors: list[object] = []
    try:
        with suppress(_NotWholeError), outputs.of(source) as add:
            for key, image, detections, error in outcomes:
                if image is None or detections is None:
                    errors.append(error)
                    print_line(f"error: {error}", sys.stderr)
                else:
                    shot, found = _as_shot(key), wanted.of_found(detections)
                    _print_table(shot, found, wanted)
                    add(shot, image, found)
            _refuse_half(errors)
    except ImageError as error:  # frames that do not make a video
        errors.append(error)
        print_line(f"error: {error}", sys.stderr)
    return not errors


class _NotWholeError(Exception):
    """Images of a source failed, which its drawn copy would lack."""


def _refuse_half(errors: Sequence[object]) -> None:
    if errors:
        raise _NotWholeError


def _as_shot(key: Hashable) -> Shot:
    return cast(Shot, key)


def _source_of(outcome: Outcome) -> Source:
    return _as_shot(outcome.key).source


def _counted(outcomes: Iterable[Outcome], advance_to: Callable[[int], None]) -> Iterator[Outcome]:
    """Yield outcomes, and say of each that it is done when the next one is asked for."""
    for done, outcome in enumerate(outcomes, start=1):
        yield outcome
        advance_to(done)


def _progress(sources: Sequence[Source]) -> AbstractContextManager[Callable[[int], None]]:
    unit = "image" if any(source.is_video for source in sources) else "picture"
    total = sum(source.image_count for source in sources)
    return progress(total, "detecting", unit, at_once=True)


def _print_table(shot: Shot, detections: Detections, wanted: _Wanted) -> None:
    if len(detections) == 0 and shot.frame is None:
        least = "enough" if wanted.by_class else f"{wanted.threshold:g} or more"
        print_line(f"{shot.label:<{_NAME_WIDTH}}  nothing scores {least}")
    for box, score, label in zip(
        detections.boxes_xyxy.tolist(), detections.scores, detections.labels, strict=True
    ):
        edges = [f"{edge:.0f}" for edge in box]
        print_line(_row(shot.label, detections.classes[label].name, f"{score:.3f}", edges))


def _row(file_name: str, class_name: str, score: str, edges: Sequence[str]) -> str:
    numbers = "".join(f"{edge:>7}" for edge in edges)
    return f"{file_name:<{_NAME_WIDTH}}  {class_name:<{_CLASS_WIDTH}}  {score:>5}{numbers}"
