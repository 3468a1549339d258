"""Measure how much memory readers take for a file that was made to take much.

Command: ``python benchmarks/more/input_memory.py --json benchmarks/results/input_memory.json``.
Each file is read in a process of its own, forked when all is imported. Prints the bytes that the
peak rises by, for each pixel of a picture or each byte of a file. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import PIL
from PIL import Image

from detector.datasets.reading.safe_json import read_json
from detector.datasets.xml.annotation import VOC_RULES, read_xml
from proposals.images import read_image

SIDE = 4000  # of a picture: 16 million pixels
JSON_BYTES = 8_000_000


class Case(NamedTuple):
    """A file, who reads it, and what its memory is compared with."""

    name: str
    suffix: str
    write: Callable[[Path], object]
    read: Callable[[Path], object]
    unit: str  # "pixel" or "byte"


def main() -> None:
    """Print a line a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in (*pictures(), *texts()):
            path = Path(folder) / f"input{case.suffix}"
            in_child(lambda case=case, path=path: case.write(path))  # which leaves no memory here
            size = path.stat().st_size
            risen = int(in_child(lambda case=case, path=path: rise_over(case.read, path)))
            share = risen / (SIDE * SIDE if case.unit == "pixel" else size)
            figures[case.name] = {"file": size, "peak": risen, f"by_{case.unit}": round(share, 1)}
            print(f"{case.name:28} {size:>10} bytes: {share:6.1f} bytes a {case.unit}", flush=True)
    if options.json:
        document = {
            "pillow": PIL.__version__,
            "python": sys.version.split()[0],
            "side": SIDE,
            "inputs": figures,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def rise_over(read: Callable[[Path], object], path: Path) -> int:
    """Return by how many bytes the peak of this process's memory rises over reading a file."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read(path)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def in_child(work: Callable[[], object]) -> str:
    """Do work in a forked process; return what it returns, as text."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(theirs, str(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        told = answer.read()
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("a process that was to write or read a file has failed")
    return told


def pictures() -> Iterator[Case]:
    """Give pictures of one colour, whose files are small."""
    modes = {
        "PNG, RGB": ("RGB", "PNG"), "PNG, grey": ("L", "PNG"), "PNG, palette": ("P", "PNG"),
        "PNG, transparent": ("RGBA", "PNG"), "PNG, 16 bits": ("I;16", "PNG"),
        "TIFF, floats": ("F", "TIFF"), "TIFF, CMYK": ("CMYK", "TIFF"), "JPEG": ("RGB", "JPEG"),
        "WebP": ("RGB", "WEBP"), "GIF": ("P", "GIF"), "AVIF": ("RGB", "AVIF"),
        "JPEG 2000": ("RGB", "JPEG2000"),
    }  # fmt: skip
    for name, (mode, kind) in modes.items():
        yield picture(name, mode, kind)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield picture("JPEG, turned", "RGB", "JPEG", exif=exif)


def picture(name: str, mode: str, kind: str, **options: object) -> Case:
    """Return the case of a picture of a mode and a kind."""

    def write(path: Path) -> None:
        Image.new(mode, (SIDE, SIDE)).save(path, kind, **options)

    return Case(name, ".jpg", write, read_image, "pixel")


def texts() -> Iterator[Case]:
    """Give JSON of many small values and XML of many small elements."""
    kinds = {"lists": "[]", "objects": "{}", "texts": '"ab"', "numbers": "1.5", "whole": "1234"}
    for kind, value in kinds.items():
        count = JSON_BYTES // (len(value) + 1)
        text = f"[{','.join([value] * count)}]"
        yield Case(f"JSON, {kind}", ".json", lambda path, text=text: path.write_text(text),
                   lambda path: read_json(path, max_bytes=1 << 31), "byte")  # fmt: skip
    element = "<annotation>" + "<a/>" * 260_000 + "</annotation>"
    yield Case("XML, elements", ".xml", lambda path: path.write_text(element),
               lambda path: read_xml(path, VOC_RULES, lambda _: None), "byte")  # fmt: skip


if __name__ == "__main__":
    main()
