"""What detect is given: pictures, videos, and a picture from standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from detector.commands.shared.command import refuse_usage
from detector.commands.shared.inputs import list_pictures
from foundation.spelling import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detector.detections.results import VideoFrame
    from detector.rcnn import Task
    from proposals import ProposalFile

    Opened = tuple[NDArray[np.uint8], NDArray[np.float32] | None]  # an image and its proposals

_SAMPLES: Final = ("astronaut.png", "chelsea.png")
_STDIN: Final = "-"
_STDIN_NAME: Final = "stdin"
_STDIN_BYTES: Final = 1 << 29  # more than the largest picture has as plain RGB
_LONGEST_NAME: Final = 100  # bytes; what is added must fit into a file's name, too


@dataclass(frozen=True)
class Source:
    """A picture, or a video.

    Attributes
    ----------
    path : Path
        ``stdin`` for the picture from standard input.
    name : str
        What the files are called that come of it; no other source has it, in any case.
    content : bytes, optional
        Of the picture from standard input.
    is_video : bool
    image_count : int
        How many images it is to be detected on, as far as is known.
    image_rate : float
        How many of them are shown in a second of a video.
    """

    path: Path
    name: str
    content: bytes | None = None
    is_video: bool = False
    image_count: int = 1
    image_rate: float = 1.0


class Shot(NamedTuple):
    """One image to detect on: a picture, or a frame of a video."""

    source: Source
    frame: VideoFrame | None = None

    @property
    def file_name(self) -> str | VideoFrame:
        """What JSON and CSV call it."""
        return self.frame or str(self.source.path)

    @property
    def name(self) -> str:
        """What files are called that come of it, without suffix."""
        name = self.source.name
        return name if self.frame is None else f"{name}-{self.frame.frame:06}"

    @property
    def label(self) -> str:
        """What the table calls it, in one line whatever the file's name holds."""
        return one_line(Path(str(self)).name)

    def __str__(self) -> str:
        """Return what messages call it."""
        path = str(self.source.path)
        return path if self.frame is None else f"{path} #{self.frame.frame}"


def list_sources(options: argparse.Namespace) -> list[Source]:
    """Return what a command line names, each once; standard input is read.

    Raises
    ------
    ValueError
        As `list_pictures`, or if standard input holds more than `_STDIN_BYTES`.
    """
    sources = [_source(path) for path in _paths(options)]
    if any(source.is_video for source in sources):
        if options.proposals is not None:
            refuse_usage("--proposals has the regions of pictures: leave it out with a video")
        if options.results:
            refuse_usage("--results knows no frames: with a video write --json or --csv")
    elif options.every is not None:
        refuse_usage("--every is for videos, and none is named")
    every = options.every or 1
    return [_announced(source, every) for source in _with_names(sources)]


def tasks(sources: Iterable[Source], file: ProposalFile | None, every: int) -> Iterator[Task]:
    """Yield a task for each picture and each ``every``-th frame, with a `Shot` as its key.

    Frames are decoded when they are asked for. A video that cannot be read, or not to its end,
    becomes a task that raises the error.
    """
    from detector.rcnn import Task

    for source in sources:
        if source.is_video:
            yield from _frame_tasks(source, every)
        else:
            yield Task(Shot(source), partial(_open_picture, source, file))


def _paths(options: argparse.Namespace) -> Iterable[Path | None]:
    """Return each path once, in the order they are named; None stands for standard input."""
    paths: list[Path | None] = []
    if options.samples:
        paths += (Path(str(files("skimage").joinpath("data", name))) for name in _SAMPLES)
    for word in options.inputs:
        if word == _STDIN:
            paths.append(None)
        else:
            paths += map(Path, list_pictures([word], outside=options.crops))
    return dict.fromkeys(paths)


def _source(path: Path | None) -> Source:
    from proposals.videos import VIDEO_SUFFIXES

    if path is None:
        return Source(Path(_STDIN_NAME), _STDIN_NAME, _read_stdin())
    return Source(path, path.stem, is_video=path.suffix.lower() in VIDEO_SUFFIXES)


def _read_stdin() -> bytes:
    if sys.stdin.isatty():
        refuse_usage("- reads a picture from standard input, but that is a terminal: pipe one in")
    content = sys.stdin.buffer.read(_STDIN_BYTES + 1)
    if len(content) > _STDIN_BYTES:
        raise ValueError(
            f"{_STDIN_NAME}: more than {_STDIN_BYTES >> 20} MiB; save it as a file, and name that"
        )
    return content


def _with_names(sources: Iterable[Source]) -> Iterator[Source]:
    """Name what comes of each source: by its stem, and if that is taken by ``stem-2`` and so on."""
    taken: set[str] = set()
    for source in sources:
        stem = source.name.encode(errors="replace")[:_LONGEST_NAME].decode(errors="ignore")
        name, number = stem, 1
        while name.lower() in taken:  # some file systems do not tell case apart
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        yield replace(source, name=name)


def _announced(source: Source, every: int) -> Source:
    """Return a source with what a video's head says; that it is bad is told in its turn."""
    from proposals.images import ImageError
    from proposals.videos import opened_video

    if not source.is_video:
        return source
    try:
        with opened_video(source.path) as video:
            count = max(1, -(-video.frame_count // every))  # rounded up
            return replace(source, image_count=count, image_rate=video.frame_rate / every)
    except ImageError:
        return source


def _frame_tasks(source: Source, every: int) -> Iterator[Task]:
    from detector.detections.results import VideoFrame
    from detector.rcnn import Task
    from proposals.images import ImageError
    from proposals.videos import opened_video

    try:
        with opened_video(source.path) as video:
            for number, seconds, pixels in video.frames(every):
                frame = VideoFrame(str(source.path), number, seconds)
                yield Task(Shot(source, frame), partial(_opened, pixels))
    except ImageError as error:
        yield Task(Shot(source), partial(_refuse, error))


def _open_picture(source: Source, file: ProposalFile | None) -> Opened:
    from proposals.images import decode_image, read_image

    path, content = source.path, source.content
    image = read_image(path) if content is None else decode_image(content, str(path))
    if file is None:
        return image, None  # the detector proposes its own
    return image, file.for_image(file.id_of_path(path), image.shape[:2]).boxes_xyxy


def _opened(pixels: NDArray[np.uint8]) -> Opened:
    return pixels, None


def _refuse(error: Exception) -> NoReturn:
    raise error
