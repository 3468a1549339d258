"""Videos of drawn frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from foundation.files import whole_file
from proposals.images import ImageError
from proposals.opencv import cv2
from proposals.videos import opened_video, quiet_opencv

_CODEC: Final = "mp4v"  # MPEG-4 part 2: OpenCV's wheels cannot write H.264
_LOWEST_RATE: Final = 0.01  # frames a second; below it OpenCV rounds to none


@contextmanager
def video_file(path: Path, frame_rate: float) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    """Give a function that adds a frame to a video; the file appears when the block succeeds.

    Frames are (H, W, 3) uint8 arrays, RGB, all of one size. Of an odd width or height the last
    column or row is lost.

    Parameters
    ----------
    path : Path
        Of an MP4 file.
    frame_rate : float
        Frames a second.

    Raises
    ------
    ImageError
        If there is no frame, or one is of another size than the first.
    OSError
        If the video cannot be written, or not to its end.
    """
    with whole_file(path) as temporary:
        frames = _Frames(path, temporary, max(frame_rate, _LOWEST_RATE))
        try:
            yield frames.add
        finally:
            frames.release()
        frames.check_whole()


class _Frames:
    """Frames on their way to a file, which is opened with the first, whose size it has."""

    def __init__(self, path: Path, temporary: Path, frame_rate: float) -> None:
        self._path = path
        self._temporary = temporary
        self._frame_rate = frame_rate
        self._writer: Any = None
        self._shape: tuple[int, ...] = ()
        self._count = 0

    def add(self, frame: NDArray[np.uint8]) -> None:
        if self._writer is None:
            self._writer, self._shape = self._open(frame.shape), frame.shape
        if frame.shape != self._shape:
            raise ImageError(
                f"{self._path}: frames must all be of one size, {_size(self._shape)}, but one is"
                f" {_size(frame.shape)}; convert the video: ffmpeg -i FILE new.mp4"
            )
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self._count += 1

    def release(self) -> None:
        if self._writer is not None:
            self._writer.release()

    def check_whole(self) -> None:
        """Read the file's own count of frames: the writer does not say when the disk is full."""
        if self._count == 0:
            raise ImageError(f"{self._path}: a video must have a frame or more but got none")
        try:
            with opened_video(self._temporary) as video:
                written = video.frame_count
        except ImageError:
            written = 0
        if written != self._count:
            raise OSError(f"{self._path}: the video cannot be written to its end; free disk space")

    def _open(self, shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - OpenCV has no types
        size = (shape[1], shape[0])
        codec = cv2.VideoWriter.fourcc(*_CODEC)
        with quiet_opencv():
            writer = cv2.VideoWriter(
                str(self._temporary.absolute()), cv2.CAP_FFMPEG, codec, self._frame_rate, size
            )
        if not writer.isOpened():
            raise OSError(
                f"{self._path}: a video of {_size(shape)} pixels cannot be written here; see to the"
                " folder, or draw none"
            )
        return writer


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
