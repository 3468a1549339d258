"""Say what pictures show: five names each, the best first.

Examples
--------
With BVLC's network and ImageNet's 1,000 classes, as safetensors or as Caffe's own file:

    inception-rcnn classify cat.jpg --weights bvlc_googlenet.safetensors
    inception-rcnn classify cat.jpg --weights bvlc_googlenet.caffemodel

A folder, with the paper's 144 crops a picture (slower, surer), to a file:

    inception-rcnn classify holiday/ --weights bvlc_googlenet.caffemodel --crops 144 --json t.json

With torchvision's GoogLeNet, or with a network of train-classifier and its own classes:

    inception-rcnn classify cat.jpg --backbone torchvision --weights googlenet-1378be20.pth
    inception-rcnn classify cat.jpg --weights runs/classifier/classifier.safetensors

With weights from where they are published, 51 MB, kept in your cache folder for the next time:

    inception-rcnn classify cat.jpg --fetch

Nothing is fetched without --fetch, and nothing is used whose checksum is not the published one.

One crop is the centre 224 of a square of 256 pixels, 10 are its corners and centre, mirrored or
not. For BVLC's network the square is the whole picture, warped as BVLC trained it; for the others
it is the middle of the picture with its short side at 256. 144 crops are the paper's for all of
them; 18 of these repeat others, so 126 pass the network, and the mean is that of 144.

The JSON is a list of
{"file": ..., "top": [{"index": 285, "name": "Egyptian cat", "prob": 0.61}, ...]}.
Exit codes: 0 done; 1 done, but some pictures could not be read; 2 the command or the weights
cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.inputs import add_picture_inputs, list_pictures
from detector.commands.shared.progress import print_line, progress
from detector.commands.shared.values import output_file

if TYPE_CHECKING:
    from backbones import ClassScore, ImageClassifier

_TOP = 5
_BACKBONES = ("bvlc", "torchvision")  # of backbones.classification.imagenet, slow to import


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_picture_inputs(parser)
    add = parser.add_argument
    # fmt: off
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--weights", type=Path, metavar="FILE",
        help="*.safetensors, *.caffemodel, or torchvision's *.pth")
    source.add_argument("--fetch", action="store_true",
        help="use the published ImageNet weights, from the network where they are not cached")
    add("--backbone", choices=_BACKBONES,
        help="which GoogLeNet: the paper's as BVLC trained it, or torchvision's"
        f" (default: {_BACKBONES[0]})")
    add("--crops", type=int, choices=(1, 10, 144), default=1,
        help="crops of a picture to average over (default: %(default)s)")
    add("-j", "--json", type=output_file, metavar="FILE", help="write the classes there, too")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Classify each picture, print and write what it shows; return the exit code."""
    from foundation.files import write_text

    if not options.inputs:
        refuse_usage("name a picture or a folder")
    paths = list_pictures(options.inputs)
    classifier = _load(options)
    results, exit_code = _classify_all(classifier, paths, options.crops)
    if options.json is not None:
        write_text(options.json, json.dumps(results, indent=2) + "\n")
    return exit_code


def _load(options: argparse.Namespace) -> ImageClassifier:
    from backbones.classification.classifier_file import is_classifier_file, load_classifier
    from backbones.classification.imagenet import load_imagenet_classifier

    if options.weights is not None and is_classifier_file(options.weights):
        if options.backbone is not None:
            raise ValueError(f"{options.weights}: names its own network; leave --backbone out")
        return load_classifier(options.weights)
    backbone = options.backbone or _BACKBONES[0]
    return load_imagenet_classifier(options.weights or _fetch(backbone), backbone)


def _fetch(backbone: str) -> Path:
    from backbones.classification.imagenet import IMAGENET_FILES
    from backbones.weights.download import fetch

    remote = IMAGENET_FILES[backbone]
    with progress(100, f"fetching {remote.name}", "part") as advance_to:
        return fetch(remote, lambda done, total: advance_to(100 * done // max(total, done)))


def _classify_all(
    classifier: ImageClassifier, paths: Sequence[str], crops: int
) -> tuple[list[dict[str, Any]], int]:
    """Classify and print each picture; return what JSON takes, and the exit code."""
    from proposals import ImageError, read_image

    results: list[dict[str, Any]] = []
    exit_code = 0
    with progress(len(paths), "classifying", "picture") as advance_to:
        for done, path in enumerate(paths, start=1):
            try:
                found = classifier.classify(read_image(path), crops, _TOP)
            except ImageError as error:
                print_line(f"error: {error}", sys.stderr)
                exit_code = 1
            else:
                print_line(path)
                for one in found:
                    print_line(f"  {one.probability:.3f}  {one.index:>4}  {one.name}")
                results.append({"file": path, "top": [_as_json(one) for one in found]})
            advance_to(done)
    return results, exit_code


def _as_json(score: ClassScore) -> dict[str, Any]:
    return {"index": score.index, "name": score.name, "prob": score.probability}
