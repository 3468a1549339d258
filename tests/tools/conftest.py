from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Tool = Callable[..., subprocess.CompletedProcess[str]]


def run_tool(
    name: str, folder: Path, *arguments: str | Path, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool as a user does, in a folder, with ``path`` first on the import path if given."""
    import_path = [str(path)] if path else []
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*import_path, str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(
            folder.parent / "cache"
        ),  # of converted models; nothing of the user's
    }
    return subprocess.run(
        [sys.executable, ROOT / "tools" / name, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def detect() -> Tool:
    return partial(run_tool, "detect.py")


@pytest.fixture(scope="session")
def eval_map() -> Tool:
    return partial(run_tool, "eval_map.py")


@pytest.fixture(scope="session")
def compare() -> Tool:
    return partial(run_tool, "compare.py")


@pytest.fixture(scope="session")
def export() -> Tool:
    return partial(run_tool, "export.py")


@pytest.fixture(scope="session")
def calibrate() -> Tool:
    return partial(run_tool, "calibrate.py")


@pytest.fixture(scope="session")
def tune_cascade() -> Tool:
    return partial(run_tool, "tune_cascade.py")


@pytest.fixture(scope="session")
def classify() -> Tool:
    return partial(run_tool, "classify.py")


@pytest.fixture(scope="session")
def train() -> Tool:
    return partial(run_tool, "train.py")


@pytest.fixture(scope="session")
def train_svm() -> Tool:
    return partial(run_tool, "train_svm.py")


@pytest.fixture(scope="session")
def train_classifier() -> Tool:
    return partial(run_tool, "train_classifier.py")


@pytest.fixture(scope="session")
def propose() -> Tool:
    return partial(run_tool, "propose.py")


@pytest.fixture(scope="session")
def convert_dataset() -> Tool:
    return partial(run_tool, "convert_dataset.py")
