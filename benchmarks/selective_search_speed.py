"""Time Selective Search against OpenCV's, on one thread and on several, with memory beside it.

Command: ``python benchmarks/selective_search_speed.py --json speed.json``; some eight minutes,
most of them OpenCV's at 2000 x 1500. Each side is a process of its own that waits while another
one works, and all see the same pixels in turn, so that a busy machine slows them alike: quote
the ratios. OpenCV's loop over hierarchies is serial, whatever its number of threads, so that
the ratio of one thread is the one per core. Where ours has 8 hierarchies OpenCV has 12, and 100
where ours has 80: the ratio per hierarchy takes that into account, too.

``--before DIR`` times another version of this project, in its clone, as one more side.

Parts (all, or those after ``--only``):

fast, quality   pictures of 500 x 375, R-CNN's working width
native          one picture enlarged to 2000 x 1500, mode fast without a working width
huge            4000 x 3000 pixels, mode fast, without OpenCV, which would take minutes
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from shared.machine import describe_machine

Picture = NDArray[np.uint8]
Figures = dict[str, Any]


class Part(NamedTuple):
    """What is measured together."""

    mode: str
    size: tuple[int, int]  # (width, height)
    one_picture: bool
    with_opencv: bool
    repeats_of_opencv: int | None  # as many as of the others where None


PARTS = {
    "fast": Part("fast", (500, 375), False, True, None),
    "quality": Part("quality", (500, 375), False, True, None),
    "native": Part("fast", (2000, 1500), True, True, 1),
    "huge": Part("fast", (4000, 3000), True, False, None),
}
HIERARCHIES = {"fast": (8, 12), "quality": (80, 100)}  # ours, OpenCV's
TURN = 0.5  # seconds that a side searches before it is another's turn


def main() -> None:
    """Print one block a part."""
    options = parse()
    if options.side:
        serve(options)
        return
    figures: Figures = {"machine": describe_machine(), "pictures": str(options.root or "skimage")}
    for name in options.only:
        figures[name] = measure(PARTS[name], options)
        show(name, figures[name])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="folder of pictures; else scikit-image's")
    parser.add_argument("--pictures", type=int, default=3, help="how many of them")
    parser.add_argument("--repeats", type=int, default=5, help="of each picture and side")
    parser.add_argument("--threads", type=int, default=2, help="of ours, beside one thread")
    parser.add_argument("--before", type=Path, metavar="DIR", help="clone of another version")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", type=Path, help="also write the figures, with their machine")
    for of_side in ("--side", "--mode", "--folder"):
        parser.add_argument(of_side, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(part: Part, options: argparse.Namespace) -> Figures:
    """Time all sides of a part in turn: medians over repeats, means over pictures."""
    images = pictures(options)[: 1 if part.one_picture else None]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for index, image in enumerate(images):
            np.save(Path(folder) / f"{index}.npy", enlarged(image, part.size))
        sides = {
            name: stack.enter_context(Side.started(name, part.mode, Path(folder), options))
            for name in side_names(part, options)
        }
        seconds = time_in_turn(sides, part, len(images), options.repeats)
        peaks = {name: side.ask("peak") for name, side in sides.items()}
    return compared(part, seconds, peaks, options.threads)


def side_names(part: Part, options: argparse.Namespace) -> list[str]:
    """Return the sides of a part."""
    names = ["ours-1", f"ours-{options.threads}"]
    if options.before:
        names += ["before-1", f"before-{options.threads}"]
    return [*names, "opencv"] if part.with_opencv else names


def time_in_turn(sides: dict[str, Side], part: Part, images: int, repeats: int) -> dict[str, float]:
    """Return the seconds of each side: of every picture the median, of those the mean."""
    taken: dict[str, list[list[float]]] = {name: [[] for _ in range(images)] for name in sides}
    for repeat in range(repeats):
        for index in range(images):
            for name, side in sides.items():
                limit = part.repeats_of_opencv if name == "opencv" else None
                if limit is None or repeat < limit:
                    taken[name][index].append(side.ask(str(index)))
    return {
        name: statistics.mean(statistics.median(of_image) for of_image in times)
        for name, times in taken.items()
    }


def compared(
    part: Part, seconds: dict[str, float], peaks: dict[str, float], threads: int
) -> Figures:
    """Return seconds, memory and ratios of a part."""
    pixels = part.size[0] * part.size[1]
    figures: Figures = {
        "seconds": seconds,
        "peak_mb": peaks,
        "nanoseconds_per_pixel_1": seconds["ours-1"] / pixels * 1e9,
    }
    if part.with_opencv:
        ours, theirs = HIERARCHIES[part.mode]
        per_core = seconds["opencv"] / seconds["ours-1"]
        figures["ratio_1"] = per_core
        figures[f"ratio_{threads}"] = seconds["opencv"] / seconds[f"ours-{threads}"]
        figures["ratio_per_core_and_hierarchy"] = per_core * ours / theirs
    for threads_of_side in ("1", str(threads)):
        if f"before-{threads_of_side}" in seconds:
            times = seconds[f"before-{threads_of_side}"] / seconds[f"ours-{threads_of_side}"]
            figures[f"ratio_to_before_{threads_of_side}"] = times
    return figures


def show(name: str, figures: Figures) -> None:
    """Print the figures of one part."""
    print(name)
    for side, seconds in figures["seconds"].items():
        print(f"  {side:10} {seconds:8.4f} s, {figures['peak_mb'][side]:6.0f} MB more at the peak")
    for key, value in figures.items():
        if not isinstance(value, dict):
            print(f"  {key} {value:.4g}")


@dataclass
class Side:
    """A process that searches pictures when it is asked to."""

    process: subprocess.Popen[str]

    @classmethod
    def started(cls, name: str, mode: str, folder: Path, options: argparse.Namespace) -> Side:
        """Start a side by its name, which ends on its number of threads; OpenCV's has none."""
        command = [sys.executable, __file__, "--side", name, "--mode", mode, "--folder", folder]
        environment = dict(os.environ)
        if name.startswith("before"):
            environment["PYTHONPATH"] = str(options.before.resolve())
        process = subprocess.Popen(  # noqa: S603 - this file
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        side = cls(process)
        side.ask("warm")
        return side

    def ask(self, what: str) -> float:
        """Send one line, and return the number that comes back."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the process has no pipes")
        print(what, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def serve(options: argparse.Namespace) -> None:
    """Answer each line of the input: ``warm``, ``peak``, or the number of a picture."""
    paths = sorted(Path(options.folder).glob("*.npy"))
    images = [np.load(path) for path in paths]
    search = opencv_search(options) if options.side == "opencv" else our_search(options)
    start = 0
    for line in map(str.strip, sys.stdin):
        if line == "warm":  # kernels are read or compiled, and memory is counted from here on
            search(np.asarray(Image.fromarray(images[0]).resize((40, 30))))
            start = peak_memory()
            print(0, flush=True)
        elif line == "peak":
            print((peak_memory() - start) / 1e6, flush=True)
        else:
            print(time_turn(search, images[int(line)]), flush=True)


def peak_memory() -> int:
    """Return the largest resident size of this process so far, in bytes (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def time_turn(search: Callable[[Picture], Any], image: Picture) -> float:
    """Return the seconds per call, of as many as fit a turn, at least one.

    One call goes before them, which finds the caches full of what another side left there.
    """
    search(image)
    calls, start = 0, time.perf_counter()
    while True:
        search(image)
        calls += 1
        passed = time.perf_counter() - start
        if passed > TURN:
            return passed / calls


def our_search(options: argparse.Namespace) -> Callable[[Picture], Any]:
    """Return our search, at the picture's own size."""
    import cv2

    from proposals import MODES, SelectiveSearch

    threads = int(options.side.rpartition("-")[2])
    cv2.setNumThreads(threads)
    return SelectiveSearch(replace(MODES[options.mode], working_width=None), threads=threads)


def opencv_search(options: argparse.Namespace) -> Callable[[Picture], Any]:
    """Return OpenCV's search; it has no width of its own either."""
    import cv2

    cv2.setUseOptimized(True)

    def search(image: Picture) -> Any:  # noqa: ANN401 - OpenCV is untyped
        segmentation = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        segmentation.setBaseImage(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        getattr(segmentation, f"switchToSelectiveSearch{options.mode.capitalize()}")()
        return segmentation.process()

    return search


def pictures(options: argparse.Namespace) -> Sequence[Picture]:
    """Return the first pictures of the folder, or some of scikit-image's."""
    if options.root:
        from proposals import read_image
        from proposals.images import IMAGE_SUFFIXES

        files = (
            path
            for path in sorted(options.root.rglob("*"))
            if path.suffix.lower() in IMAGE_SUFFIXES
        )
        return [read_image(path) for path in islice(files, options.pictures)]
    from skimage import data

    return [data.coffee(), data.chelsea(), data.astronaut()][: options.pictures]


def enlarged(picture: Picture, size: tuple[int, int]) -> Picture:
    """Bring a picture to a width and height."""
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


if __name__ == "__main__":
    main()
