from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from proposals.images import ImageError
from proposals.videos import opened_video, quiet_opencv

FRAMES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of videos whose frames have a red half, and a blue one that rises."""
    folder = tmp_path_factory.mktemp("videos")
    for name, codec in (
        ("a.mp4", "mp4v"),
        ("a.avi", "MJPG"),
        ("a.mkv", "mp4v"),
        ("a.webm", "VP80"),
    ):
        four = cv2.VideoWriter.fourcc(*codec)
        with quiet_opencv():
            writer = cv2.VideoWriter(str(folder / name), cv2.CAP_FFMPEG, four, 10, (64, 48))
        for number in range(FRAMES):
            frame = np.zeros((48, 64, 3), np.uint8)
            frame[:24, :, 2] = 200  # OpenCV's red comes last
            frame[24:, :, 0] = 6 * number
            writer.write(frame)
        writer.release()
    return folder


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.webm"])
def test_frames_come_in_order_with_number_and_time(folder: Path, name: str) -> None:
    with opened_video(folder / name) as video:
        assert video.frame_rate == 10
        assert video.frame_count == FRAMES
        frames = list(video.frames())
    assert [frame.number for frame in frames] == list(range(FRAMES))
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(FRAMES) / 10, abs=0.002)
    for frame in frames:
        assert frame.pixels.shape == (48, 64, 3)
        assert frame.pixels.dtype == np.uint8
        np.testing.assert_allclose(frame.pixels[8, 32], (200, 0, 0), atol=12)
        np.testing.assert_allclose(frame.pixels[40, 32], (0, 0, 6 * frame.number), atol=12)


@pytest.mark.parametrize(
    ("every", "numbers"), [(7, [0, 7, 14, 21, 28, 35]), (39, [0, 39]), (40, [0])]
)
def test_every_nth_frame_is_the_one_of_that_number(
    folder: Path, every: int, numbers: list[int]
) -> None:
    with opened_video(folder / "a.mp4") as video:
        frames = list(video.frames(every))
    assert [frame.number for frame in frames] == numbers
    assert [frame.seconds for frame in frames] == pytest.approx(np.array(numbers) / 10)
    blue = [int(frame.pixels[40, 32, 2]) for frame in frames]
    assert blue == pytest.approx([6 * number for number in numbers], abs=12)


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "a.webm"])
def test_a_truncated_video_gives_what_it_has_and_then_the_error(
    folder: Path, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = (folder / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: len(content) * 6 // 10])
    with opened_video(path) as video:
        frames = video.frames()
        for number in range(4):
            assert next(frames).number == number
        with pytest.raises(ImageError) as refusal:
            list(frames)
    assert str(refusal.value).startswith(f"{path}: damaged or truncated: of {FRAMES} frames ")
    assert str(refusal.value).endswith(" can be read; fetch or export it again")
    assert capfd.readouterr() == ("", "")


CONTENTS = {
    "empty.mp4": (b"", "the file is empty; fetch or export it again"),
    "text.mp4": (b"a text of some length", "not an MP4, MOV, AVI, MKV or WebM video; fetch it ag"),
    "short.mp4": (b"ab", "not an MP4, MOV, AVI, MKV or WebM video"),
    # FFmpeg would follow these two to other files.
    "list.mp4": (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "not an MP4, MOV, AVI, MKV or WebM video"),
    "script.avi": (b"ffconcat version 1.0\nfile a.mp4\n", "not an MP4, MOV, AVI, MKV or WebM"),
    "picture.avi": (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "not an MP4, MOV, AVI, MKV or WebM video"),
    "head.mp4": (b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00", "damaged, truncated, or holds no vi"),
    "head.avi": (b"RIFF\x10\x00\x00\x00AVI LIST", "damaged, truncated, or holds no video"),
    "head.mkv": (b"\x1aE\xdf\xa3\xa3\x00\x00\x00\x00\x00", "damaged, truncated, or holds no video"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_no_video_is_one_line_with_file_and_remedy(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content, message = CONTENTS[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImageError) as refusal, opened_video(path):
        pass
    assert str(refusal.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refusal.value)
    assert capfd.readouterr() == ("", "")


def test_a_name_is_that_of_a_file_and_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "none.mp4", tmp_path, Path("http://localhost/a.mp4")):
        with (
            pytest.raises(ImageError, match="there is no such file; check the path"),
            opened_video(path),
        ):
            pass
    # FFmpeg would take the name for an address, and OpenCV for numbered pictures.
    odd = tmp_path / "http:" / "a%02d.mp4"
    odd.parent.mkdir()
    odd.write_bytes((folder / "a.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    with opened_video(odd.relative_to(tmp_path)) as video:
        assert len(list(video.frames())) == FRAMES


def test_a_video_of_huge_frames_is_refused_by_its_head(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proposals.videos.MAX_FRAME_PIXELS", 64 * 48 - 1)
    with (
        pytest.raises(ImageError, match=r"a\.mp4: frames of more than .* pixels; shrink it first"),
        opened_video(folder / "a.mp4"),
    ):
        pass


@pytest.mark.parametrize("stated", [0.0, -1.0, float("nan"), float("inf"), 90000.0])
def test_a_rate_that_cannot_be_is_taken_for_25(
    folder: Path, stated: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Capture:
        """A capture whose file states an odd rate and count."""

        def __init__(self, *arguments: object) -> None:
            self._capture = CAPTURE(*arguments)

        def __getattr__(self, name: str) -> object:
            return getattr(self._capture, name)

        def get(self, what: int) -> float:
            odd = what in {cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT}
            return stated if odd else float(self._capture.get(what))

    CAPTURE = cv2.VideoCapture  # noqa: N806 - a class
    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    with opened_video(folder / "a.mp4") as video:
        assert video.frame_rate == 25
        if stated != 90000:
            assert video.frame_count == 0
            assert len(list(video.frames())) == FRAMES
