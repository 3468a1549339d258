from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proposals.videos import Frame, Video, opened_video

Tool = Callable[..., subprocess.CompletedProcess[str]]
Save = Callable[..., None]


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def errors_of(run: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in run.stderr.splitlines() if line.startswith("error: ")]


def test_frames_of_a_video_are_detected_on_among_pictures(
    quick: Tool, stub: Any, tmp_path: Path, save_picture: Save, save_video: Save
) -> None:
    save_picture(tmp_path / "a.png")
    save_video(tmp_path / "clip.mp4", frames=4)  # the first is black, and nothing found in it
    run = quick(
        *("clip.mp4", "a.png", "-t", "0.8"),
        *("-j", "found.json", "--csv", "found.csv", "--crops", "cut"),
    )
    assert run.returncode == 0, run.stderr
    assert [line[:12].strip() for line in run.stdout.splitlines()[1:]] == [
        *("clip.mp4 #1", "clip.mp4 #2", "clip.mp4 #3", "a.png"),
    ]
    for image, grey in zip(stub.images, (0, 10, 20, 30), strict=False):
        assert abs(image.mean() - grey) < 3
    document = json.loads((tmp_path / "found.json").read_text())
    size = {"width": 40, "height": 30}
    assert document["images"] == [
        {"id": n + 1, "file_name": "clip.mp4", **size, "frame": n, "seconds": n / 10}
        for n in range(4)
    ] + [{"id": 5, "file_name": "a.png", **size}]
    assert [one["image_id"] for one in document["annotations"]] == [2, 3, 4, 5]
    rows = rows_of(tmp_path / "found.csv")
    assert [(row["image"], row["frame"], row["seconds"]) for row in rows] == [
        ("clip.mp4", "1", "0.1"),
        ("clip.mp4", "2", "0.2"),
        ("clip.mp4", "3", "0.3"),
        ("a.png", "", ""),
    ]
    assert sorted(
        path.relative_to(tmp_path / "cut").as_posix() for path in tmp_path.rglob("*0.90.png")
    ) == [
        "a-0001-person-0.90.png",
        *(f"clip/clip-00000{n}-0001-person-0.90.png" for n in (1, 2, 3)),
    ]
    with opened_video(tmp_path / "out/clip.detections.mp4") as video:
        assert video.frame_rate == 10
        drawn = [frame.pixels for frame in video.frames()]
    assert len(drawn) == 4
    assert drawn[0].max() < 10  # as it was: nothing is drawn in
    assert drawn[1].max() > 100
    begun, end = run.stderr.splitlines()
    assert begun == "detecting: 0 of 5 images"
    assert end == (
        "1 picture, 4 frames of 1 video: 4 detections; drawn in out; cut out in cut;"
        " listed in found.json, found.csv"
    )


def test_every_nth_frame_is_taken_and_the_drawn_video_lasts_as_long(
    quick: Tool, stub: Any, tmp_path: Path, save_video: Save
) -> None:
    save_video(tmp_path / "clip.avi", frames=7)
    run = quick("clip.avi", "--every", "3", "--csv", "found.csv", "-t", "0.8")
    assert run.returncode == 0, run.stderr
    assert [round(image.mean() / 10) for image in stub.images] == [0, 3, 6]
    assert [(row["frame"], row["seconds"]) for row in rows_of(tmp_path / "found.csv")] == [
        ("3", "0.3"),
        ("6", "0.6"),
    ]
    with opened_video(tmp_path / "out/clip.detections.mp4") as video:
        assert video.frame_rate == pytest.approx(10 / 3, abs=0.01)
        assert video.frame_count == 3
    assert run.stderr.startswith("detecting: 0 of 3 images\n")


def test_a_damaged_video_keeps_its_detections_and_gets_no_drawn_copy(
    quick: Tool, tmp_path: Path, save_picture: Save, save_video: Save
) -> None:
    save_picture(tmp_path / "a.png")
    save_video(tmp_path / "cut.avi", frames=40)
    content = (tmp_path / "cut.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.mp4").write_text("no video, but of some length")
    (tmp_path / "empty.mkv").touch()
    names = ("cut.avi", "text.mp4", "empty.mkv", "none.mov", "old.wmv", "a.png")
    (tmp_path / "old.wmv").write_bytes(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"))
    run = quick(*names, "-j", "found.json", "-t", "0.8")
    assert run.returncode == 1
    assert [line.split(": ")[1] for line in errors_of(run)] == list(names[:-1])
    assert "cut.avi: damaged or truncated: of 40 frames " in run.stderr
    assert "none.mov: there is no such file" in run.stderr
    assert "old.wmv: not an MP4, MOV, AVI, MKV or WebM video; fetch it again, or co" in run.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.detections.jpg"]
    document = json.loads((tmp_path / "found.json").read_text())
    names_of_images = [one["file_name"] for one in document["images"]]
    assert 4 < names_of_images.count("cut.avi") < 36
    assert names_of_images[-1] == "a.png"


@pytest.mark.parametrize("which", ["fails_at", "interrupted_at"])
def test_a_video_of_which_a_frame_is_missing_is_not_drawn(
    quick: Tool, stub: Any, tmp_path: Path, save_video: Save, which: str
) -> None:
    save_video(tmp_path / "clip.mp4", frames=4)
    setattr(stub, which, "clip.mp4 #2")
    run = quick("clip.mp4", "-j", "found.json")
    assert run.returncode == {"fails_at": 1, "interrupted_at": 130}[which]
    assert list((tmp_path / "out").iterdir()) == []
    images = json.loads((tmp_path / "found.json").read_text())["images"]
    expected = [0, 1, 3] if which == "fails_at" else [0, 1]
    assert [one["frame"] for one in images] == expected


def test_frames_are_read_as_they_are_needed(
    stub: Any, quick: Tool, tmp_path: Path, save_video: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_video(tmp_path / "clip.mp4", frames=6)
    opened, read = 0, 0

    def watched(tasks: Iterator[Any]) -> Iterator[Any]:
        nonlocal opened
        for task in tasks:
            opened += 1
            assert opened - read <= 2
            yield task

    original = stub.detect_all

    def detect_all(tasks: Iterator[Any]) -> Iterator[Any]:
        nonlocal read
        for outcome in original(watched(tasks)):
            read += 1
            yield outcome

    monkeypatch.setattr(stub, "detect_all", detect_all)
    assert quick("clip.mp4", "--no-draw").returncode == 0
    assert (opened, read) == (6, 6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--proposals", "boxes.parquet"], "--proposals has the regions of pictures: leave it out"),
        (["--results", "yolo=labels"], "--results knows no frames: with a video write --json or"),
    ],
)
def test_what_knows_no_frames_is_refused_with_a_video(
    quick: Tool,
    tmp_path: Path,
    save_video: Save,
    save_proposals: Callable[..., Path],
    words: list[str],
    message: str,
) -> None:
    save_proposals(tmp_path / "boxes.parquet", {"a.png": ((30, 40), [])})
    save_video(tmp_path / "clip.mp4")
    run = quick("clip.mp4", *words)
    assert run.returncode == 2
    assert message in run.stderr


def test_the_name_of_a_video_may_be_that_of_a_picture(
    quick: Tool, tmp_path: Path, save_picture: Save, save_video: Save
) -> None:
    save_picture(tmp_path / "clip.png")
    save_video(tmp_path / "clip.mp4", frames=2)
    run = quick("clip.png", "clip.mp4", "--crops", "cut")
    assert run.returncode == 0, run.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["clip-2.detections.mp4", "clip.detections.jpg"]
    assert (tmp_path / "cut/clip-2/clip-2-000001-0001-person-0.90.png").exists()


def test_frames_of_several_sizes_make_no_video_and_the_rest_goes_on(
    quick: Tool,
    tmp_path: Path,
    save_picture: Save,
    save_video: Save,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def growing(_video: Video, _every: int) -> Iterator[Frame]:
        for number in range(3):
            yield Frame(number, 0.1, np.full((30 + 2 * number, 40, 3), 9, np.uint8))

    save_picture(tmp_path / "a.png")
    save_video(tmp_path / "clip.mp4")
    monkeypatch.setattr(Video, "frames", growing)
    run = quick("clip.mp4", "a.png")
    assert run.returncode == 1
    (error,) = errors_of(run)
    assert "frames must all be of one size, 40 x 30, but one is 40 x 32; convert" in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.detections.jpg"]
