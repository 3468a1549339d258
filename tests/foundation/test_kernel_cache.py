from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNTED = """
from numba.core import event
compiled = []
class Count(event.Listener):
    def on_start(self, event): compiled.append(event)
    def on_end(self, event): pass
event.register("numba:compile", Count())
import numpy as np
from proposals.boxes import pairwise_iou
box = np.array([[0, 0, 2, 2]], np.float32)
print(pairwise_iou(box, box + 1)[0, 0], len(compiled) > 0)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with the packages' sources, which a test may change."""
    for package in ("foundation", "proposals", "detector"):
        for source in (ROOT / package).rglob("*.py*"):
            if source.suffix not in {".py", ".pyi"}:
                continue
            target = tmp_path / "copy" / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return tmp_path / "copy"


def run(packages: Path, program: str = COUNTED, **environment: str | None) -> list[str]:
    """Return the words that a program prints, with some environment variables set or unset."""
    process = start(packages, program, **environment)
    output, _ = process.communicate()
    assert process.returncode == 0
    return output.split()


def start(packages: Path, program: str, **environment: str | None) -> subprocess.Popen[str]:
    changed = {"PYTHONPATH": str(packages), **environment}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        env={k: v for k, v in ({**os.environ, **changed}).items() if v is not None},
        cwd=packages,
        stdout=subprocess.PIPE,
        text=True,
    )


def entries(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_a_second_process_compiles_nothing(copy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    first = run(copy, XDG_CACHE_HOME=cache)
    assert first[1] == "True"
    assert run(copy, XDG_CACHE_HOME=cache) == [first[0], "False"]


def test_a_change_in_another_file_that_is_compiled_in_gives_the_new_result(
    copy: Path, tmp_path: Path
) -> None:
    cache = str(tmp_path / "cache")
    nms = """
import numpy as np
from proposals.nms import non_maximum_suppression
boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 3]], np.float32)
print(len(non_maximum_suppression(boxes, np.ones(2, np.float32), 0.5)))
"""
    assert run(copy, nms, XDG_CACHE_HOME=cache) == ["1"]
    boxes = copy / "proposals" / "boxes.py"
    changed = boxes.read_text().replace("    return width * height\n", "    return width - width\n")
    assert changed != boxes.read_text()
    boxes.write_text(changed)
    assert run(copy, nms, XDG_CACHE_HOME=cache) == ["2"]


def test_a_change_in_a_package_above_keeps_the_machine_code(copy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    run(copy, XDG_CACHE_HOME=cache)
    with (copy / "detector" / "config.py").open("a") as file:
        file.write("\n")
    assert run(copy, XDG_CACHE_HOME=cache)[1] == "False"


@pytest.mark.parametrize("damage", [b"", b"x" * 40, b"cut"], ids=["empty", "foreign", "cut"])
def test_damaged_machine_code_is_made_anew(copy: Path, tmp_path: Path, damage: bytes) -> None:
    cache = tmp_path / "cache"
    whole = run(copy, XDG_CACHE_HOME=str(cache))
    for entry in entries(cache):
        entry.write_bytes(entry.read_bytes()[:-9] if damage == b"cut" else damage)
    assert run(copy, XDG_CACHE_HOME=str(cache)) == [whole[0], "True"]
    assert run(copy, XDG_CACHE_HOME=str(cache)) == [whole[0], "False"]


def test_without_a_folder_to_write_kernels_work_all_the_same(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    below_a_file = str(tmp_path / "file" / "cache")
    for environment in (
        {"XDG_CACHE_HOME": below_a_file},
        {"XDG_CACHE_HOME": None, "HOME": below_a_file},
    ):
        assert run(copy, **environment) == ["0.14285715", "True"]


def test_what_others_can_write_is_not_read(copy: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(copy, XDG_CACHE_HOME=str(cache))
    (folder,) = {entry.parent for entry in entries(cache)}
    folder.chmod(0o777)
    assert run(copy, XDG_CACHE_HOME=str(cache))[1] == "True"


def test_two_processes_at_once_both_work_and_leave_whole_files(copy: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    both = [start(copy, COUNTED, XDG_CACHE_HOME=str(cache)) for _ in range(2)]
    printed = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert printed[0][0] == printed[1][0]
    assert {entry.suffix for entry in entries(cache)} == {".bin"}
    assert run(copy, XDG_CACHE_HOME=str(cache))[1] == "False"


def test_folders_of_old_sources_are_removed(copy: Path, tmp_path: Path) -> None:
    versions = tmp_path / "cache" / "inception-rcnn" / "kernels"
    for age in range(20):
        old = versions / f"proposals-{age}"
        old.mkdir(parents=True)
        os.utime(old, (1000 - age, 1000 - age))
    run(copy, XDG_CACHE_HOME=str(tmp_path / "cache"))
    left = {version.name for version in versions.iterdir()}
    assert len(left) == 8
    assert {f"proposals-{age}" for age in range(7)} < left
