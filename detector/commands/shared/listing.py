"""What commands print that list something: a table, or JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from detector.commands.shared.values import output_file

_STDOUT: Final = Path("-")


def add_listing_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, which `print_listing` reads."""
    parser.add_argument(
        "-j", "--json", nargs="?", type=output_file, const=_STDOUT, metavar="FILE",
        help="print JSON in place of the table; with FILE, print the table and write JSON there",
    )  # fmt: skip


def print_listing(
    options: argparse.Namespace,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    document: object,
) -> None:
    """Print a table, or what it says as JSON, as the command line asks for.

    Columns that begin with ``>`` are aligned to the right.
    """
    from foundation.files import write_text

    text = json.dumps(document, indent=1)
    if options.json == _STDOUT:
        print(text)
        return
    if options.json is not None:
        write_text(options.json, text + "\n")
    print(*_table(columns, rows), sep="\n")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    names = [column.removeprefix(">") for column in columns]
    lines = [names, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    sides = [">" if column.startswith(">") else "<" for column in columns]
    for line in lines:
        cells = zip(line, sides, widths, strict=True)
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in cells).rstrip()
