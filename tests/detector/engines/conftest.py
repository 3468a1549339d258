from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.engines.calibration import calibrate
from detector.network import Member

Windows = Callable[[int], NDArray[np.uint8]]


@pytest.fixture(scope="session")
def random_windows() -> Windows:
    """Make (R, 64, 64, 3) windows of smooth random blotches."""

    def make(count: int) -> NDArray[np.uint8]:
        coarse = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), np.uint8)
        return coarse.repeat(8, axis=1).repeat(8, axis=2)

    return make


@pytest.fixture(scope="session")
def calibrated(member: Member, random_windows: Windows) -> Member:
    return replace(member, activation_ranges=calibrate(member, [random_windows(16)]))


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep converted models out of the user's own cache folder."""
    monkeypatch.setattr("detector.engines.cache.user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path / "cache"
