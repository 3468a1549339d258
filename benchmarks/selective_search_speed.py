"""Time Selective Search against OpenCV's, and measure its memory.

Command: ``python benchmarks/selective_search_speed.py --json speed.json``; some five minutes,
most of them OpenCV's at 2000 x 1500. Both sides see the same pixels in turn, in one process, with
as many threads, so that a busy machine slows them alike: quote the ratios.

Parts (all, or those after ``--only``):

fast, quality   pictures of 500 x 375, R-CNN's working width
native          one picture enlarged to 2000 x 1500, mode fast without a working width, and its
                cost a pixel against that at 500 x 375
memory          peak memory of a process that searches 4000 x 3000 pixels, mode fast
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from proposals import MODES, SelectiveSearch, read_image
from proposals.images import IMAGE_SUFFIXES

Picture = NDArray[np.uint8]
Figures = dict[str, float]

SMALL, LARGE, HUGE = (500, 375), (2000, 1500), (4000, 3000)  # (width, height)
PARTS = ("fast", "quality", "native", "memory")


def main() -> None:
    """Print one block a part."""
    options = parse()
    if options.peak:
        print(peak_of_this_process(options))
        return
    cv2.setUseOptimized(True)
    cv2.setNumThreads(options.threads)
    figures: dict[str, Figures] = {}
    for part in options.only:
        figures[part] = measure(part, options)
        print(
            f"{part:8} " + ", ".join(f"{name} {value:.4g}" for name, value in figures[part].items())
        )
    if options.json:
        options.json.write_text(json.dumps(provenance(options) | figures, indent=2) + "\n")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="folder of pictures; else scikit-image's")
    parser.add_argument("--pictures", type=int, default=3, help="how many of them")
    parser.add_argument("--repeats", type=int, default=5, help="of each picture and side")
    parser.add_argument("--threads", type=int, default=2, help="of each side")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", type=Path, help="also write the figures, with their machine")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(part: str, options: argparse.Namespace) -> Figures:
    """Return the figures of one part by name."""
    if part == "memory":
        return memory(options)
    if part == "native":
        return native(options)
    return compare(part, [enlarged(p, SMALL) for p in pictures(options)], options.repeats, options)


def native(options: argparse.Namespace) -> Figures:
    """Compare at 2000 x 1500; OpenCV once only, since it takes a minute."""
    picture = next(iter(pictures(options)))
    small = timed(our_search("fast", options), [enlarged(picture, SMALL)], options.repeats)
    figures = compare("fast", [enlarged(picture, LARGE)], 1, options)
    ours = timed(our_search("fast", options), [enlarged(picture, LARGE)], options.repeats)
    a_pixel = ours / np.prod(LARGE), small / np.prod(SMALL)
    return {
        "ours_s": ours,
        "opencv_s": figures["opencv_s"],
        "ratio": figures["opencv_s"] / ours,
        "ours_ns_a_pixel": a_pixel[0] * 1e9,
        "cost_a_pixel_to_500x375": a_pixel[0] / a_pixel[1],
    }


def memory(options: argparse.Namespace) -> Figures:
    """Search a huge picture in a process of its own, and ask for that one's peak."""
    command = [sys.executable, __file__, "--peak", "--threads", str(options.threads)]
    if options.root:
        command += ["--root", str(options.root)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this file
    output = run.stdout
    return {"peak_gb": int(output) * 1024 / 1e9}


def peak_of_this_process(options: argparse.Namespace) -> int:
    """Search one huge picture; return the largest resident size so far in KiB (Linux)."""
    our_search("fast", options)(enlarged(next(iter(pictures(options))), HUGE))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def compare(
    mode: str, images: Sequence[Picture], repeats: int, options: argparse.Namespace
) -> Figures:
    """Time both sides on all pictures in turn; sums over pictures of medians over repeats."""
    sides = {"ours": our_search(mode, options), "opencv": opencv_search(mode)}
    sides["ours"](images[0])  # compiles the kernels
    seconds = {side: np.empty((repeats, len(images))) for side in sides}
    for repeat in range(repeats):
        for index, image in enumerate(images):
            for side, search in sides.items():
                seconds[side][repeat, index] = time_once(search, image)
    ours, opencv = (float(np.median(s, axis=0).mean()) for s in seconds.values())
    return {"ours_s": ours, "opencv_s": opencv, "ratio": opencv / ours}


def timed(search: Callable[[Picture], Any], images: Sequence[Picture], repeats: int) -> float:
    """Return the median seconds of a search."""
    search(images[0])
    return statistics.median(time_once(search, image) for image in images for _ in range(repeats))


def time_once(search: Callable[[Picture], Any], image: Picture) -> float:
    """Return the seconds that one call takes."""
    start = time.perf_counter()
    search(image)
    return time.perf_counter() - start


def our_search(mode: str, options: argparse.Namespace) -> SelectiveSearch:
    """Return our search, at the picture's own size."""
    return SelectiveSearch(replace(MODES[mode], working_width=None), threads=options.threads)


def opencv_search(mode: str) -> Callable[[Picture], Any]:
    """Return OpenCV's search; it has no width of its own either."""

    def search(image: Picture) -> Any:  # noqa: ANN401 - OpenCV is untyped
        segmentation = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        segmentation.setBaseImage(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        getattr(segmentation, f"switchToSelectiveSearch{mode.capitalize()}")()
        return segmentation.process()

    return search


def pictures(options: argparse.Namespace) -> list[Picture]:
    """Return the first pictures of the folder, or some of scikit-image's."""
    if options.root:
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


def provenance(options: argparse.Namespace) -> dict[str, Any]:
    """Say where and with what the figures were made."""
    packages = ("numpy", "numba", "opencv-contrib-python-headless", "pillow")
    return {
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": options.threads,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "pictures": str(options.root or "skimage.data"),
    }


if __name__ == "__main__":
    main()
