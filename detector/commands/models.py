"""List the models that ship: members, classes, size and what each is.

Examples
--------
    inception-rcnn models

As JSON, with the names of the members, which --members of other commands takes:

    inception-rcnn models --json

A model is a folder of member files (*.safetensors), which are its networks in the order of their
names, with a file ensemble.json that describes it and holds its settings. The --model of the other
commands takes the name of one that ships or a folder of your own; the default is the one marked
here. inception-rcnn classes lists what a model knows.
Exit codes: 0 done; 2 a file of a model cannot be used.
"""

from __future__ import annotations

import argparse
from typing import Any

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.listing import add_listing_flag, print_listing
from detector.config import DEFAULT_MODEL


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_listing_flag(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the models; return the exit code."""
    from detector.members.models import shipped_models

    document = [_described(name) for name in shipped_models()]
    columns = ("model", "default", ">members", ">classes", ">MB", "description")
    print_listing(options, columns, [_row(one) for one in document], document)
    return 0


def _described(name: str) -> dict[str, Any]:
    from detector.members.models import open_model

    model = open_model(name)
    paths = [member.path for member in model.members]
    return {
        "name": name,
        "default": name == DEFAULT_MODEL,
        "members": [path.stem for path in paths],
        "classes": len(model.classes),
        "bytes": sum(path.stat().st_size for path in paths),
        "description": model.ensemble.description,
    }


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["name"],
        "yes" if one["default"] else "no",
        str(len(one["members"])),
        str(one["classes"]),
        f"{one['bytes'] / 1e6:.1f}",
        one["description"],
    )
