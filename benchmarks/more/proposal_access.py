"""Time how an image's proposals are read: in the order of the file, and shuffled.

Command: ``python benchmarks/more/proposal_access.py --json
benchmarks/results/proposal_access.json``. The proposals are made up by a seed: whole coordinates
and falling scores. They are written as one file and as a folder of shards, and as one file with
row groups of 128 images, as files were before. All are read in turns, so that each meets the same
load of the machine. What was written just now is read from memory, not from the disk. Each figure
is given by the clock, and by the time of the processor, which others' work lengthens less:

in order, shuffled    milliseconds an image, the median of all rounds, and the ratio to the folder
                      in order
first                 milliseconds of the first image out of a shard, which is opened for it
open                  milliseconds to open the file or folder
bytes                 of an image, on disk
finish                milliseconds from the finished parts to the file or folder
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pyarrow import parquet

from proposals import ProposalFile, Proposals
from proposals.storage.batch import IMAGES_A_PART
from proposals.storage.header import ProposalSettings, Run
from proposals.storage.parquet import ImageRow
from proposals.storage.parts import Parts, Picture

SIZE = (375, 500)
OLD_GROUP = 128
FOLDER, FILE, OLD = "folder of shards", "one file", "one file, groups of 128"

CLOCKS = ("milliseconds", "of the processor")

Spent = tuple[float, float]
"""Milliseconds by the clock, and of the processor."""

Figures = dict[str, Spent]


def main() -> None:
    """Print a line a form."""
    options = parse()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        paths, figures = write_forms(Path(folder), options)
        for name, path in paths.items():
            size = size_of(path) / options.images
            figures[name]["bytes"] = size, size
        for name, measured in measure(paths, options).items():
            figures[name].update(measured)
    for clock in range(len(CLOCKS)):
        print_table(figures, clock)
    if options.json:
        document = {
            "python": platform.python_version(),
            "pyarrow": version("pyarrow"),
            "images": options.images,
            "boxes": options.boxes,
            "rounds": options.rounds,
            "forms": figures,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--boxes", type=int, default=2000, help="of an image")
    parser.add_argument("--reads", type=int, default=256, help="images a form, order and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write (default: of the system)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


def write_forms(
    folder: Path, options: argparse.Namespace
) -> tuple[dict[str, Path], dict[str, Figures]]:
    """Write the same proposals in all forms; return their paths, and the seconds of finishing."""
    paths = {FOLDER: folder / "boxes", FILE: folder / "boxes.parquet", OLD: folder / "old.parquet"}
    figures: dict[str, Figures] = {name: {} for name in paths}
    pictures = [Picture(f"image{n:07}", f"pictures/{n:07}.jpg") for n in range(options.images)]
    run = Run.of_images(ProposalSettings(), [picture.image_id for picture in pictures])
    for name in (FOLDER, FILE):
        parts = Parts(paths[name], run, pictures, IMAGES_A_PART)
        generator = np.random.default_rng(0)
        for part in range(len(parts)):
            parts.write(part, list(made_up(parts.pictures(part), options.boxes, generator)))
        figures[name]["finish"] = spent_on(parts.finish)
    table = parquet.read_table(paths[FILE])
    parquet.write_table(
        table, paths[OLD], row_group_size=OLD_GROUP, compression="zstd", write_page_checksum=True
    )
    return paths, figures


def made_up(
    pictures: Sequence[Picture], boxes: int, generator: np.random.Generator
) -> Iterator[ImageRow]:
    """Yield proposals with whole coordinates, as those of superpixels are."""
    height, width = SIZE
    for picture in pictures:
        x = np.sort(generator.integers(0, width + 1, (boxes, 2)), axis=1)
        y = np.sort(generator.integers(0, height + 1, (boxes, 2)), axis=1)
        corners = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
        scores = np.sort(generator.random(boxes))[::-1]
        found = Proposals.of_one_source(corners, SIZE, "made_up", scores)
        yield ImageRow(picture.image_id, picture.path, found)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def measure(paths: dict[str, Path], options: argparse.Namespace) -> dict[str, Figures]:
    """Return the median milliseconds of all forms."""
    spent: dict[str, dict[str, list[Spent]]] = {name: {} for name in paths}
    generator = np.random.default_rng(1)
    for _ in range(options.rounds):
        start = int(generator.integers(0, max(1, options.images - options.reads)))
        in_order = np.arange(options.images)[start : start + options.reads]
        shuffled = generator.permutation(options.images)[: options.reads]
        for name, path in paths.items():
            note = spent[name].setdefault
            note("open", []).append(spent_on(partial(open_and_close, path)))
            with ProposalFile(path) as file:
                image_ids = list(file)
                if name == FOLDER:
                    note("first", []).extend(
                        spent_on(partial(file.__getitem__, one))
                        for one in image_ids[::IMAGES_A_PART]
                    )
                for order, places in (("in order", in_order), ("shuffled", shuffled)):
                    asked = [image_ids[place] for place in places]
                    wall, cpu = spent_on(partial(read_all, file, asked))
                    note(order, []).append((wall / len(asked), cpu / len(asked)))
    return {
        name: {figure: medians(measured) for figure, measured in times.items()}
        for name, times in spent.items()
    }


def open_and_close(path: Path) -> None:
    """Open a file or folder."""
    ProposalFile(path).close()


def read_all(file: ProposalFile, image_ids: Sequence[str]) -> None:
    """Read the proposals of images one after the other."""
    for image_id in image_ids:
        _ = file[image_id]


def medians(measured: Sequence[Spent]) -> Spent:
    """Return the median of each clock."""
    wall, cpu = (statistics.median(times) for times in zip(*measured, strict=True))
    return wall, cpu


def spent_on(work: Callable[[], object]) -> Spent:
    """Return how many milliseconds work takes, by the clock and of the processor."""
    start = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - start[0]), 1000 * (time.process_time() - start[1])


def print_table(forms: dict[str, Figures], clock: int) -> None:
    """Print a line a form; ratios are to the folder in order."""
    unit = forms[FOLDER]["in order"][clock]
    head = f"{'in order':>15} {'shuffled':>15} {'first':>8} {'open':>8} {'finish':>8} {'bytes':>7}"
    print(f"{CLOCKS[clock]:25}{head}")
    for name, figures in forms.items():
        row = {figure: spent[clock] for figure, spent in figures.items()}
        orders = " ".join(
            f"{row[order]:8.3f} {row[order] / unit:5.1f}x" for order in ("in order", "shuffled")
        )
        others = " ".join(
            f"{row[key]:8.2f}" if key in row else " " * 8 for key in ("first", "open", "finish")
        )
        print(f"{name:25}{orders} {others} {row['bytes']:7.0f}")


if __name__ == "__main__":
    main()
