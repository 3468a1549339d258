from __future__ import annotations

import subprocess
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from detector.classes import select_classes
from detector.config import DetectorConfig
from detector.detections.results import Detections
from detector.rcnn import Detector, Outcome, Task
from proposals import ImageError
from proposals.videos import quiet_opencv

Tool = Callable[..., subprocess.CompletedProcess[str]]
CLASSES = select_classes(["person", "dog", "domestic cat"])
SCORES = (0.9, 0.6, 0.3)  # of the three


@dataclass
class StubDetector:
    """Finds an object of each class in every image, and none in a black one."""

    classes = CLASSES
    config = DetectorConfig()
    fails_at: str | None = None
    interrupted_at: str | None = None
    images: list[np.ndarray] = field(default_factory=list)

    def detect_all(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        for key, open_image in tasks:
            if str(key) == self.interrupted_at:
                raise KeyboardInterrupt
            try:
                image, _ = open_image()
                self.propose(key)
            except ImageError as error:
                yield Outcome(key, None, None, error)
                continue
            self.images.append(image)
            yield Outcome(key, image, self.find(image), None)

    def propose(self, key: Hashable) -> None:
        if str(key) == self.fails_at:
            raise ImageError(f"{key}: the proposer failed")

    def find(self, image: np.ndarray) -> Detections:
        size = image.shape[:2]
        if not image.any():
            return Detections.empty(CLASSES, size)
        boxes = np.array([[0.5, 1.25, 10, 8], [0, 0, 40, 30], [4, 4, 9.75, 9]], np.float32)
        found = Detections(boxes, np.array(SCORES, np.float32), np.arange(3), CLASSES, size)
        return found.above(self.config.min_score)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> StubDetector:
    """Return a detector that every command gets, whatever model it asks for."""
    detector = StubDetector()

    monkeypatch.setattr(Detector, "from_pretrained", Mock(return_value=detector))
    return detector


@pytest.fixture
def quick(detect: Tool, stub: StubDetector, tmp_path: Path) -> Tool:
    """Run detect with the stub in a folder that is empty at first."""
    del stub
    return partial(detect, tmp_path)


@pytest.fixture(scope="session")
def save_picture() -> Callable[[Path], None]:
    """Write a photograph of 40 x 30."""

    def save(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.chelsea()).resize((40, 30)).save(path)

    return save


@pytest.fixture(scope="session")
def save_video() -> Callable[..., None]:
    """Write a video of frames of one grey each, which rises from black by 10 a frame, 20 times."""

    def save(path: Path, frames: int = 7, size: tuple[int, int] = (40, 30)) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        codec = cv2.VideoWriter.fourcc(*"MJPG" if path.suffix == ".avi" else "mp4v")
        with quiet_opencv():
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 10, size)
        for number in range(frames):
            writer.write(np.full((size[1], size[0], 3), 10 * (number % 20), np.uint8))
        writer.release()

    return save
