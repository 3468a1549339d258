"""train_multibox and train_ranking, as a user meets them first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools" / name, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["train_multibox.py", "train_ranking.py"])
def test_help_shows_a_command(name: str) -> None:
    ended = run(name, "--help")
    assert ended.returncode == 0
    assert f"python tools/{name} --root ILSVRC" in ended.stdout


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("train_multibox.py", [], "--root"),
        ("train_multibox.py", ["--root", "gone", "--imagenet", "x"], "gone"),
        ("train_multibox.py", ["--root", "gone", "--imagenet", "x", "--size", "8"], "size must be"),
        ("train_ranking.py", ["--root", "gone", "--hold-out", "8", "--out", "r.json"], "gone"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    name: str, arguments: list[str], message: str
) -> None:
    ended = run(name, *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
