from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from detector.commands.main import main

ROOT = Path(__file__).parents[3]
Tool = Callable[..., subprocess.CompletedProcess[str]]
Objects = Sequence[tuple[str, tuple[int, int, int, int]]]  # WordNet id and inclusive corners


def run_command_line(
    name: str, folder: Path, *arguments: str | Path, path: Path | None = None, process: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, in this process: what it imports is there already.

    In a process of its own, as a user runs it, where ``process`` asks for that or ``path`` is
    to be first on the import path.
    """
    cache = str(folder.parent / "cache")  # of converted models; nothing of the user's
    if process or path:
        return _run_as_a_user_does(name, folder, arguments, path, cache)
    out, err = StringIO(), StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setenv("XDG_CACHE_HOME", cache)
        try:
            code = main([name, *map(str, arguments)])
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def _run_as_a_user_does(
    name: str, folder: Path, arguments: Sequence[str | Path], path: Path | None, cache: str
) -> subprocess.CompletedProcess[str]:
    import_path = [str(path)] if path else []
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*import_path, str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": cache,
    }
    return subprocess.run(
        [sys.executable, "-m", "detector", name, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def detect() -> Tool:
    return partial(run_command_line, "detect")


@pytest.fixture(scope="session")
def classes() -> Tool:
    return partial(run_command_line, "classes")


@pytest.fixture(scope="session")
def models() -> Tool:
    return partial(run_command_line, "models")


@pytest.fixture(scope="session")
def eval_map() -> Tool:
    return partial(run_command_line, "eval-map")


@pytest.fixture(scope="session")
def compare() -> Tool:
    return partial(run_command_line, "compare")


@pytest.fixture(scope="session")
def export() -> Tool:
    return partial(run_command_line, "export")


@pytest.fixture(scope="session")
def calibrate() -> Tool:
    return partial(run_command_line, "calibrate")


@pytest.fixture(scope="session")
def tune_cascade() -> Tool:
    return partial(run_command_line, "tune-cascade")


@pytest.fixture(scope="session")
def classify() -> Tool:
    return partial(run_command_line, "classify")


@pytest.fixture(scope="session")
def train() -> Tool:
    return partial(run_command_line, "train")


@pytest.fixture(scope="session")
def train_svm() -> Tool:
    return partial(run_command_line, "train-svm")


@pytest.fixture(scope="session")
def train_classifier() -> Tool:
    return partial(run_command_line, "train-classifier")


@pytest.fixture(scope="session")
def propose() -> Tool:
    return partial(run_command_line, "propose")


@pytest.fixture(scope="session")
def convert_dataset() -> Tool:
    return partial(run_command_line, "convert-dataset")


@pytest.fixture(autouse=True, scope="module")
def progress_lines() -> Iterator[None]:
    """Print none, which a test would get on a busy machine only; nor may a module's fixtures."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_FIRST_LINE_AFTER", "_SECONDS_APART"):
            patch.setattr(f"detector.commands.shared.progress.{name}", float("inf"))
        yield


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], Tool]:
    """Make a function that runs a command in a folder, where the test is from then on."""

    def of(name: str, folder: Path) -> Tool:
        monkeypatch.chdir(folder)
        return partial(run_command_line, name, folder)

    return of


@pytest.fixture(scope="session")
def write_split() -> Callable[[Path, Mapping[str, Objects]], None]:
    """Write a split val of ILSVRC DET: pictures of 100 x 100, numbered 10, 20 and so on."""

    def write(root: Path, images: Mapping[str, Objects]) -> None:
        for name in ("ImageSets/DET", "Annotations/DET/val", "Data/DET/val"):
            (root / name).mkdir(parents=True)
        picture = Image.fromarray(data.chelsea()).resize((100, 100))
        for image_id, objects in images.items():
            annotation = root / f"Annotations/DET/val/{image_id}.xml"
            annotation.write_text(_annotation(objects))
            picture.save(root / f"Data/DET/val/{image_id}.JPEG")
        lines = (f"{image_id} {number}0\n" for number, image_id in enumerate(images, 1))
        (root / "ImageSets/DET/val.txt").write_text("".join(lines))

    return write


def _annotation(objects: Objects) -> str:
    content = "<annotation><size><width>100</width><height>100</height></size>"
    for wnid, (xmin, ymin, xmax, ymax) in objects:
        content += (
            f"<object><name>{wnid}</name><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>"
            f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
        )
    return content + "</annotation>"


@pytest.fixture(scope="session")
def table() -> Callable[[subprocess.CompletedProcess[str]], dict[str, list[str]]]:
    """Return name, objects, detections and AP of each row that eval_map prints, by det_id."""

    def read(run: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
        rows = [line.split() for line in run.stdout.splitlines()]
        start = rows.index(["det_id", "wnid", "name", "objects", "detections", "AP"]) + 1
        return {row[0]: row[2:] for row in rows[start:] if len(row) == 6}

    return read
