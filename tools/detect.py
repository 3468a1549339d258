"""Detect objects in pictures: a table on the terminal, and a copy with the boxes drawn in.

Examples
--------
Try it on two photographs that come with scikit-image:

    python tools/detect.py --samples

Your own pictures, and all the pictures of a folder; the copies go to the folder out:

    python tools/detect.py street.jpg holiday/

Fewer and surer detections, faster, as COCO-style JSON too:

    python tools/detect.py holiday/ --threshold 0.8 --max-proposals 500 --json holiday.json

The proposals of a file that tools/propose.py made of these pictures:

    python tools/detect.py holiday/ --proposals boxes.parquet

A network of your own from tools/train.py, or several whose scores are averaged:

    python tools/detect.py street.jpg --weights a/member.safetensors --weights b/member.safetensors

A detector of one file, made by tools/export.py:

    python tools/detect.py street.jpg --weights detector.onnx

Boxes are in pixels of the upright picture; xmax and ymax are the first pixels outside.
Exit codes: 0 done; 1 done, but some pictures could not be read or have no proposals in the file;
2 the command, the weights, the file or the output folder cannot be used; 130 interrupted, when
the JSON holds the pictures that were done.
"""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import _common
from _detectors import add_detector_flags, load_detector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detector.detections.results import Detections
    from detector.rcnn import Detector, Task
    from proposals import ProposalFile

_SAMPLES = ("astronaut.png", "chelsea.png")
_DRAWN_SUFFIX = ".detections.jpg"
_NAME_WIDTH, _CLASS_WIDTH = 28, 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not (options.samples or options.inputs):
        parser.error("name a picture or a folder, or give --samples")
    with _common.errors_as_lines():
        from _inputs import open_proposals

        with open_proposals(options.proposals) as file:
            return _detect_all(options, file)


def _parser() -> argparse.ArgumentParser:
    parser = _common.teaching_parser(__doc__)
    parser.add_argument(
        "inputs", nargs="*", type=Path, metavar="PICTURE", help="picture, or folder of pictures"
    )
    parser.add_argument(
        "--samples", action="store_true", help="detect on scikit-image's astronaut and cat"
    )
    parser.add_argument(
        "--threshold", type=_share, default=0.5, metavar="T",
        help="lowest score that is shown, 0-1 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR",
        help=f"folder for the pictures NAME{_DRAWN_SUFFIX} (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write COCO-style JSON too")
    add_detector_flags(parser)
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1 but got {text}")
    return value


def _detect_all(options: argparse.Namespace, file: ProposalFile | None) -> int:
    from detector.detections.coco_json import write_coco_json

    # What scores less than the threshold would never be shown.
    detector = load_detector(options, min_score=options.threshold)
    paths = _list_pictures(options)
    options.out.mkdir(parents=True, exist_ok=True)
    results: list[tuple[str, Detections]] = []
    _common.print_line(_row("file", "class", "score", ("xmin", "ymin", "xmax", "ymax")))
    try:
        exit_code = _detect_each(detector, paths, options, file, results)
    finally:  # also when interrupted: what is done is complete
        if options.json is not None:
            write_coco_json(options.json, results, detector.classes)
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
    with _common.progress(len(paths), "detecting", "picture") as advance_to:
        for done, outcome in enumerate(outcomes, start=1):
            path = paths[done - 1]
            if outcome.image is None or outcome.detections is None:
                _common.print_line(f"error: {outcome.error}", sys.stderr)
                exit_code = 1
            else:
                _draw(outcome.image, outcome.detections, drawn_paths[path])
                _print_table(path, outcome.detections, options.threshold)
                results.append((str(path), outcome.detections))
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


def _list_pictures(options: argparse.Namespace) -> list[Path]:
    """Return the pictures to read, each once."""
    paths: list[Path] = []
    if options.samples:
        paths += [Path(str(files("skimage").joinpath("data", name))) for name in _SAMPLES]
    for path in options.inputs:
        paths += _pictures_in(path) if path.is_dir() else [path]
    return list(dict.fromkeys(paths))


def _pictures_in(folder: Path) -> list[Path]:
    from proposals.images import IMAGE_SUFFIXES

    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.endswith(_DRAWN_SUFFIX)
    )
    if not paths:
        raise ValueError(f"{folder}: holds no pictures; name another folder")
    return paths


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
        drawn[path] = folder / (name + _DRAWN_SUFFIX)
    return drawn


def _draw(image: NDArray[np.uint8], detections: Detections, path: Path) -> None:
    from PIL import Image

    from detector.detections.draw import draw_detections
    from foundation.files import whole_file

    with whole_file(path) as temporary:
        Image.fromarray(draw_detections(image, detections)).save(temporary, quality=92)


def _print_table(path: Path, detections: Detections, threshold: float) -> None:
    if len(detections) == 0:
        _common.print_line(f"{path.name:<{_NAME_WIDTH}}  nothing scores {threshold:g} or more")
    for box, score, label in zip(
        detections.boxes_xyxy.tolist(), detections.scores, detections.labels, strict=True
    ):
        edges = [f"{edge:.0f}" for edge in box]
        _common.print_line(_row(path.name, detections.classes[label].name, f"{score:.3f}", edges))


def _row(file_name: str, class_name: str, score: str, edges: Sequence[str]) -> str:
    numbers = "".join(f"{edge:>7}" for edge in edges)
    return f"{file_name:<{_NAME_WIDTH}}  {class_name:<{_CLASS_WIDTH}}  {score:>5}{numbers}"


if __name__ == "__main__":
    sys.exit(main())
