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

All that is found, as COCO's results list and as one text a picture for tools of YOLO:

    inception-rcnn detect val2017/ -t 0 --results coco=found.json --results yolo=labels

Dogs and cats only, by name, WordNet id or number; inception-rcnn classes lists what there is:

    inception-rcnn detect holiday/ --classes dog "domestic cat"

The proposals of a file that propose made of these pictures:

    inception-rcnn detect holiday/ --proposals boxes.parquet

A model of your own, which is a folder of member files of train, whose scores are averaged; or the
files one by one:

    inception-rcnn detect street.jpg --model runs/mine
    inception-rcnn detect street.jpg --weights a/member.safetensors --weights b/member.safetensors

A detector of one file, made by export:

    inception-rcnn detect street.jpg --weights detector.onnx

Boxes are in pixels of the upright picture; xmax and ymax are the first pixels outside.
Exit codes: 0 done; 1 done, but some pictures could not be read, made the proposer fail, or have no
proposals in the file; 2 the command, the weights, the file or the output folder cannot be used;
130 interrupted, when the JSON holds the pictures that were done.
"""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.detectors import add_detector_flags, load_detector
from detector.commands.shared.inputs import (
    DRAWN_SUFFIX,
    add_picture_inputs,
    list_pictures,
    open_proposals,
)
from detector.commands.shared.progress import print_line, progress
from detector.commands.shared.results import (
    add_results_flag,
    check_names,
    result_targets,
    write_found,
)
from detector.commands.shared.values import output_file, output_folder, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detector.detections.results import Detections
    from detector.rcnn import Detector, Task
    from proposals import ProposalFile

_SAMPLES = ("astronaut.png", "chelsea.png")
_NAME_WIDTH, _CLASS_WIDTH = 28, 20


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_picture_inputs(parser)
    add = parser.add_argument
    # fmt: off
    add("--samples", action="store_true", help="detect on scikit-image's astronaut and cat")
    add("-t", "--threshold", type=share, default=0.5, metavar="T",
        help="lowest score that is shown, 0-1 (default: %(default)s)")
    add("--classes", nargs="+", metavar="KEY",
        help="detect, draw and write only these: names, WordNet ids or numbers (default: all that"
        " the model knows)")
    add("-o", "--out", type=output_folder, default=Path("out"), metavar="DIR",
        help=f"folder for the pictures NAME{DRAWN_SUFFIX} (default: %(default)s)")
    add("-j", "--json", type=output_file, metavar="FILE", help="write COCO-style JSON too")
    # fmt: on
    add_results_flag(parser)
    add_detector_flags(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Detect, draw and print; return the exit code."""
    if not (options.samples or options.inputs):
        refuse_usage("name a picture or a folder, or give --samples")
    with open_proposals(options.proposals) as file:
        return _detect_all(options, file)


def _detect_all(options: argparse.Namespace, file: ProposalFile | None) -> int:
    from detector.classes import select_classes
    from detector.detections.coco_json import write_coco_json

    paths = _pictures(options)
    targets = result_targets(options, without={"ilsvrc"})  # whose files want a list's numbers
    if targets:
        check_names(paths)
    # What scores less than the threshold would never be shown.
    detector = load_detector(options, min_score=options.threshold)
    classes = detector.classes
    if options.classes is not None:
        classes = select_classes(options.classes, classes)
    options.out.mkdir(parents=True, exist_ok=True)
    results: list[tuple[str, Detections]] = []
    print_line(_row("file", "class", "score", ("xmin", "ymin", "xmax", "ymax")))
    try:
        exit_code = _detect_each(detector, paths, options, file, results)
    finally:  # also when interrupted: what is done is complete
        if options.json is not None:
            write_coco_json(options.json, results, classes)
    found = [(Path(name), detections) for name, detections in results]
    for result_format, path in targets:  # not when interrupted: they do not say what is missing
        write_found(result_format, path, found, classes)
    return exit_code


def _detect_each(
    detector: Detector,
    paths: Sequence[Path],
    options: argparse.Namespace,
    file: ProposalFile | None,
    results: list[tuple[str, Detections]],
) -> int:
    """Detect on each picture, draw, print and append its detections; return the exit code."""
    exit_code = 0
    drawn_paths = _drawn_paths(paths, options.out)
    outcomes = detector.detect_all(_task(path, file) for path in paths)
    with progress(len(paths), "detecting", "picture") as advance_to:
        for done, outcome in enumerate(outcomes, start=1):
            path = paths[done - 1]
            if outcome.image is None or outcome.detections is None:
                print_line(f"error: {outcome.error}", sys.stderr)
                exit_code = 1
            else:
                found = outcome.detections
                if options.classes is not None:
                    found = found.of_classes(*options.classes)
                _draw(outcome.image, found, drawn_paths[path])
                _print_table(path, found, options.threshold)
                results.append((str(path), found))
            advance_to(done)
    return exit_code


def _task(path: Path, file: ProposalFile | None) -> Task:
    from detector.rcnn import Task
    from proposals.images import read_image

    def open_image() -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        image = read_image(path)
        if file is None:
            return image, None  # the detector proposes its own
        return image, file.for_image(file.id_of_path(path), image.shape[:2]).boxes_xyxy

    return Task(path, open_image)


def _pictures(options: argparse.Namespace) -> list[Path]:
    """Return the pictures to read, each once."""
    samples = [files("skimage").joinpath("data", name) for name in _SAMPLES if options.samples]
    named = [*map(str, samples), *list_pictures(options.inputs)]
    return [Path(path) for path in dict.fromkeys(named)]


def _drawn_paths(paths: Iterable[Path], folder: Path) -> dict[Path, Path]:
    """Return the name of each picture's drawn copy; no two copies share a name."""
    drawn: dict[Path, Path] = {}
    taken: set[str] = set()
    for path in paths:
        name, number = path.stem, 1
        while name.lower() in taken:  # some file systems do not tell case apart
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name.lower())
        drawn[path] = folder / (name + DRAWN_SUFFIX)
    return drawn


def _draw(image: NDArray[np.uint8], detections: Detections, path: Path) -> None:
    from PIL import Image

    from detector.detections.draw import draw_detections
    from foundation.files import whole_file

    with whole_file(path) as temporary:
        Image.fromarray(draw_detections(image, detections)).save(temporary, quality=92)


def _print_table(path: Path, detections: Detections, threshold: float) -> None:
    if len(detections) == 0:
        print_line(f"{path.name:<{_NAME_WIDTH}}  nothing scores {threshold:g} or more")
    for box, score, label in zip(
        detections.boxes_xyxy.tolist(), detections.scores, detections.labels, strict=True
    ):
        edges = [f"{edge:.0f}" for edge in box]
        print_line(_row(path.name, detections.classes[label].name, f"{score:.3f}", edges))


def _row(file_name: str, class_name: str, score: str, edges: Sequence[str]) -> str:
    numbers = "".join(f"{edge:>7}" for edge in edges)
    return f"{file_name:<{_NAME_WIDTH}}  {class_name:<{_CLASS_WIDTH}}  {score:>5}{numbers}"
