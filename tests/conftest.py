from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from proposals import Proposals
from proposals.storage.header import ProposalSettings, Run
from proposals.storage.parquet import ImageRow
from proposals.storage.parts import Parts, Picture

# No deadlines: a kernel's first call compiles it, and machines that run tests are busy.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.fixture(scope="session")
def save_proposals() -> Callable[..., Path]:
    """Write a file of (height, width) and boxes of images, whose ids and paths are the keys."""

    def save(path: Path, images: Mapping[str, tuple[tuple[int, int], Any]]) -> Path:
        rows = [
            ImageRow(
                name, name, Proposals.of_one_source(np.array(boxes).reshape(-1, 4), size, "test")
            )
            for name, (size, boxes) in images.items()
        ]
        run = Run.of_images(ProposalSettings(), images)
        parts = Parts(path, run, [Picture(name, name) for name in images], size=len(rows))
        parts.write(0, rows)
        parts.finish()
        return path

    return save
