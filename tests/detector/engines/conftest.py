from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.members.member import Member
from detector.training.calibration import calibrate

Windows = Callable[[int], NDArray[np.uint8]]


@pytest.fixture(scope="session")
def calibrated(member: Member, random_windows: Windows) -> Member:
    return replace(member, activation_ranges=calibrate(member, [random_windows(16)]))


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep converted models out of the user's own cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "inception-rcnn"
