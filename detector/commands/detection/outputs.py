"""What detect writes: drawn copies, crops, JSON, CSV, and results for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.commands.detection.sources import Shot, Source
from detector.commands.shared.inputs import DRAWN_SUFFIX
from detector.commands.shared.results import write_found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detector.classes import ObjectClass
    from detector.detections.results import Detections, VideoFrame
    from detector.scoring.files.result_files import ResultFormat

    Add = Callable[[Shot, NDArray[np.uint8], Detections], None]
    Draw = Callable[[NDArray[np.uint8], Detections], None]
    Named = tuple[str | VideoFrame, Detections]

_JPEG_QUALITY: Final = 92

DRAWN_VIDEO_SUFFIX: Final = ".detections.mp4"
"""How the names of videos end that detect drew boxes in."""


@dataclass
class Tally:
    """How much was detected on, and found."""

    pictures: int = 0
    frames: int = 0
    videos: int = 0
    failed: int = 0
    detections: int = 0

    def add(self, source: Source, found: Detections) -> None:
        """Count an image."""
        self.detections += len(found)
        if source.is_video:
            self.frames += 1
        else:
            self.pictures += 1

    def __str__(self) -> str:
        parts = [_count(self.pictures, "picture")] if self.pictures or not self.videos else []
        if self.videos:
            parts.append(f"{_count(self.frames, 'frame')} of {_count(self.videos, 'video')}")
        failed = f" ({self.failed} failed, see above)" if self.failed else ""
        return f"{', '.join(parts)}{failed}: {_count(self.detections, 'detection')}"


class Outputs:
    """Where the detections of a command line go; made by `opened_outputs`.

    Attributes
    ----------
    tally : Tally
    """

    def __init__(
        self, options: argparse.Namespace, keep: Callable[[str | VideoFrame, Detections], None]
    ) -> None:
        self.tally = Tally()
        self._drawn: Path | None = None if options.no_draw else options.out
        self._crops: Path | None = options.crops
        self._keep = keep

    @contextmanager
    def of(self, source: Source) -> Iterator[Add]:
        """Give a function that adds images of a source; its drawn copy is whole at the end."""
        self.tally.videos += source.is_video
        with _drawn_copy(source, self._drawn) as draw:
            yield partial(self._add, draw)

    def _add(self, draw: Draw, shot: Shot, image: NDArray[np.uint8], found: Detections) -> None:
        draw(image, found)
        if self._crops is not None:
            _write_crops(shot, image, found, self._crops)
        self._keep(shot.file_name, found)
        self.tally.add(shot.source, found)


@contextmanager
def opened_outputs(
    options: argparse.Namespace,
    targets: Sequence[tuple[ResultFormat, Path]],
    classes: Sequence[ObjectClass],
) -> Iterator[Outputs]:
    """Give what takes detections, and write the files that hold those of all images.

    Where the block fails, the JSON holds what was done, as it lists the images. CSV and results
    are not written then: they do not say what is missing.

    Parameters
    ----------
    options : Namespace
    targets : sequence of (str, Path)
        Formats and paths of ``--results``, whose pictures have names of their own.
    classes : sequence of ObjectClass
        Those that are looked for.
    """
    from detector.detections.coco_json import write_coco_json
    from detector.detections.csv_table import csv_table

    named: list[Named] = []
    try:
        with nullcontext() if options.csv is None else csv_table(options.csv) as add_rows:

            def keep(name: str | VideoFrame, found: Detections) -> None:
                if add_rows is not None:
                    add_rows(name, found)
                if options.json is not None or targets:
                    named.append((name, found))

            yield Outputs(options, keep)
    finally:
        if options.json is not None:
            write_coco_json(options.json, named, classes)
    of_pictures = [(Path(str(name)), found) for name, found in named]
    for result_format, path in targets:
        write_found(result_format, path, of_pictures, classes)


def whereabouts(options: argparse.Namespace) -> str:
    """Say where the files of a command line went."""
    places = [] if options.no_draw else [f"drawn in {options.out}"]
    if options.crops is not None:
        places.append(f"cut out in {options.crops}")
    files = [str(path) for path in (options.json, options.csv) if path is not None]
    files += [word.partition("=")[2] for word in options.results]
    if files:
        places.append(f"listed in {', '.join(files)}")
    return "; ".join(places) or "no files written"


@contextmanager
def _drawn_copy(source: Source, folder: Path | None) -> Iterator[Draw]:
    from detector.detections.draw import draw_detections

    if folder is None:
        yield lambda _image, _found: None
    elif source.is_video:
        from detector.detections.video_file import video_file

        path = folder / (source.name + DRAWN_VIDEO_SUFFIX)
        with video_file(path, source.image_rate) as add_frame:
            yield lambda image, found: add_frame(draw_detections(image, found))
    else:
        path = folder / (source.name + DRAWN_SUFFIX)
        yield lambda image, found: _write_jpeg(draw_detections(image, found), path)


def _write_jpeg(picture: NDArray[np.uint8], path: Path) -> None:
    from PIL import Image

    from foundation.files import whole_file

    with whole_file(path) as temporary:
        Image.fromarray(picture).save(temporary, quality=_JPEG_QUALITY)


def _write_crops(shot: Shot, image: NDArray[np.uint8], found: Detections, folder: Path) -> None:
    """Write a PNG a detection, those of a video into a folder of its own."""
    from PIL import Image

    from detector.detections.crops import crop_name, cut_out
    from foundation.files import whole_file

    if shot.source.is_video:
        folder /= shot.source.name
    for index, crop in enumerate(cut_out(image, found)):
        with whole_file(folder / f"{crop_name(shot.name, found, index)}.png") as temporary:
            Image.fromarray(crop).save(temporary)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
