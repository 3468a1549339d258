"""Videos at the door: the frames of a file, one after the other, RGB, uint8, upright.

FFmpeg, which OpenCV brings, decodes them. It would open far more than videos: playlists that name
other files, addresses in the network, numbered pictures. So a file must begin as one of three
containers do, and is opened as a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from proposals.images import ImageError
from proposals.opencv import cv2

VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm"}
    | {".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".ogv"}  # refused with a remedy
)
"""File name endings of what is taken for a video; lower case."""

MAX_FRAME_PIXELS: Final = 36_000_000
"""Largest frame that is decoded: 8K. FFmpeg holds a dozen frames or more at a time."""

_HEAD_BYTES: Final = 12
_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})  # MP4's and MOV's
_FALLBACK_RATE: Final = 25.0  # frames a second, where a file states none that can be
_HIGHEST_RATE: Final = 1000.0
_REMEDY: Final = "fetch it again, or convert it: ffmpeg -i FILE new.mp4"
_LOST_SHARE: Final = 20  # containers may announce a twentieth more frames than there are


class Frame(NamedTuple):
    """A frame of a video.

    Attributes
    ----------
    number : int
        Its place in the video, from 0.
    seconds : float
        When it is shown, from the start of the video.
    pixels : (H, W, 3) uint8 array
        RGB.
    """

    number: int
    seconds: float
    pixels: NDArray[np.uint8]


class Video:
    """A video that is open; made by `opened_video`.

    Attributes
    ----------
    frame_rate : float
        Frames a second; 25 where the file does not say.
    frame_count : int
        How many frames the file announces, which some containers only estimate; 0 where it
        does not say.
    """

    def __init__(self, path: Path, capture: Any) -> None:  # noqa: ANN401 - OpenCV has no types
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_rate: float = rate if 0 < rate <= _HIGHEST_RATE else _FALLBACK_RATE
        self.frame_count = int(count) if 0 < count < 1 << 31 else 0
        self._path = path
        self._capture = capture

    def frames(self, every: int = 1) -> Iterator[Frame]:
        """Decode the video from its start; call this once.

        Parameters
        ----------
        every : int
            Give only frames 0, ``every``, 2 ``every`` and so on.

        Raises
        ------
        ImageError
            At the end, if nothing or far less could be read than the file announces.
        """
        number = 0
        while self._capture.grab():
            if number % every == 0:
                held, pixels = self._capture.retrieve()
                if not held:
                    break
                seconds = max(0.0, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
                yield Frame(number, seconds, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
            number += 1
        if number == 0:
            raise ImageError(f"{self._path}: holds no frame that can be decoded; {_REMEDY}")
        if self.frame_count > number + max(2, self.frame_count // _LOST_SHARE):
            raise ImageError(
                f"{self._path}: damaged or truncated: of {self.frame_count} frames {number} can be"
                " read; fetch or export it again"
            )


@contextmanager
def opened_video(path: str | PathLike[str]) -> Iterator[Video]:
    """Open a video file: the only door for them.

    Parameters
    ----------
    path : str or path
        An MP4 (MOV), AVI or Matroska (WebM) file; its content decides.

    Raises
    ------
    ImageError
        If the file is missing, empty, damaged, of another format, or its frames have more than
        `MAX_FRAME_PIXELS`; the message is one line with the file's name and the remedy.
    """
    path = Path(path)
    _refuse_foreign(path)
    capture = _open(path)
    try:
        if not capture.isOpened():
            raise ImageError(f"{path}: damaged, truncated, or holds no video; {_REMEDY}")
        sides = (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if sides[0] * sides[1] > MAX_FRAME_PIXELS:
            most = f"{MAX_FRAME_PIXELS // 10**6} million pixels"
            raise ImageError(f"{path}: frames of more than {most}; shrink it first")
        yield Video(path, capture)
    finally:
        capture.release()


def _refuse_foreign(path: Path) -> None:
    """Refuse what is not there, and what does not begin as a container that is read."""
    try:
        if not path.is_file():
            raise ImageError(f"{path}: there is no such file; check the path")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); see to its path and permissions"
        raise ImageError(f"{path}: {reason}") from None
    if not head:
        raise ImageError(f"{path}: the file is empty; fetch or export it again")
    is_avi = head.startswith(b"RIFF") and head[8:12] == b"AVI "
    is_matroska = head.startswith(b"\x1aE\xdf\xa3")
    if not (is_avi or is_matroska or head[4:8] in _BOXES):
        raise ImageError(f"{path}: not an MP4, MOV, AVI, MKV or WebM video; {_REMEDY}")


def _open(path: Path) -> Any:  # noqa: ANN401 - OpenCV has no types
    if not cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG):
        raise ImageError(
            f"{path}: this build of OpenCV reads no videos; pip install --force-reinstall"
            " opencv-contrib-python-headless"
        )
    with quiet_opencv():
        # An absolute path is never taken for an address.
        return cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from printing, which they do in many lines over a damaged video.

    FFmpeg's messages are as before in a program that opened a video by OpenCV itself earlier.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first video is opened
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)
