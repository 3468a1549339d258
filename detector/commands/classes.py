"""List what a model knows: number, WordNet id and name of each class.

Examples
--------
Of the model that ships, and of a model of your own:

    inception-rcnn classes
    inception-rcnn classes --model runs/mine

Of a single file of train, and of one of export; as JSON:

    inception-rcnn classes --weights member.safetensors
    inception-rcnn classes --weights detector.onnx --json classes.json

detect --classes takes the names, the WordNet ids and the numbers; the number is that of the class
in prediction files and JSON. A class that is not one of ILSVRC's has no WordNet id.
Exit codes: 0 done; 2 the command, the model or a file cannot be used.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.detectors import add_source_flags, model_arguments
from detector.commands.shared.listing import add_listing_flag, print_listing

if TYPE_CHECKING:
    from detector.classes import ObjectClass


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_source_flags(parser)
    add_listing_flag(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the classes; return the exit code."""
    classes = _known(options)
    rows = [(str(one.id), one.wnid or "-", one.name) for one in classes]
    document = [asdict(one) for one in classes]
    print_listing(options, (">number", "wnid", "name"), rows, document)
    return 0


def _known(options: argparse.Namespace) -> tuple[ObjectClass, ...]:
    """Return the classes of the model or the files, without loading a network."""
    from detector.members.file import open_members
    from detector.members.models import open_model

    if options.weights is None:
        return open_model(**model_arguments(options)).classes
    if [path.suffix for path in options.weights] == [".onnx"]:
        from detector.engines.onnx_file import read_onnx

        return read_onnx(options.weights[0]).settings[0].classes
    return open_members(options.weights)[0].settings.classes
