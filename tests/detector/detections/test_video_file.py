from __future__ import annotations

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from detector.detections.video_file import video_file
from proposals import ImageError
from proposals.videos import opened_video

GREY = np.full((30, 40, 3), 90, np.uint8)


def test_frames_come_back_in_order_and_colour(tmp_path: Path) -> None:
    path = tmp_path / "new/a.mp4"
    photograph = data.chelsea()
    with video_file(path, 12.5) as add:
        add(photograph)
        add(photograph[:, ::-1])
        assert not path.exists()
    with opened_video(path) as video:
        assert video.frame_rate == 12.5
        first, second = (frame.pixels for frame in video.frames())
    cut = photograph[:, :450]  # of an odd width, whose last column is lost
    assert np.abs(first.astype(float) - cut).mean() < 6
    assert np.abs(second.astype(float) - photograph[:, ::-1][:, :450]).mean() < 6
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("rate", [1e-6, 1 / 30, 29.97, 1000])
def test_any_rate_can_be_written(tmp_path: Path, rate: float) -> None:
    with video_file(tmp_path / "a.mp4", rate) as add:
        add(GREY)
        add(GREY)
    with opened_video(tmp_path / "a.mp4") as video:
        assert video.frame_count == 2
        assert video.frame_rate == pytest.approx(max(rate, 0.01), abs=1e-3)


def write(path: Path, *frames: NDArray[np.uint8]) -> None:
    with video_file(path, 10) as add:
        for frame in frames:
            add(frame)


def test_a_video_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("before")
    with suppress(KeyboardInterrupt), video_file(path, 10) as add:
        add(GREY)
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_no_frames_and_frames_of_several_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.mp4: a video must have a frame or more but got none"):
        write(tmp_path / "a.mp4")
    with pytest.raises(ImageError, match=r"a\.mp4: .* 40 x 30, but one is 40 x 20; convert"):
        write(tmp_path / "a.mp4", GREY, GREY[:20])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "lost",
    [{"side_effect": ImageError}, {"return_value": nullcontext(Mock(frame_count=1))}],
)
def test_a_video_that_the_disk_had_no_room_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: dict[str, Any]
) -> None:
    monkeypatch.setattr("detector.detections.video_file.opened_video", Mock(**lost))
    with pytest.raises(OSError, match=r"a\.mp4: the video cannot be written to its end; free"):
        write(tmp_path / "a.mp4", GREY, GREY)
    assert list(tmp_path.iterdir()) == []


def test_what_opencv_cannot_write_is_refused_without_its_own_lines(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OSError, match=r"a\.mp4: a video of 1 x 1 pixels cannot be written here"):
        write(tmp_path / "a.mp4", GREY[:1, :1])
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
