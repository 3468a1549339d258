"""train_multibox and train_ranking, as a user meets them first."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Tool = Callable[..., subprocess.CompletedProcess[str]]
InProcess = Callable[[str, Path], Tool]


@pytest.mark.parametrize("name", ["train_multibox", "train_ranking"])
def test_help_shows_a_command(name: str, in_process: InProcess, tmp_path: Path) -> None:
    ended = in_process(name, tmp_path)("--help")
    assert ended.returncode == 0
    assert f"python tools/{name}.py --root ILSVRC" in ended.stdout


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("train_multibox", [], "--root"),
        ("train_multibox", ["--root", "gone", "--imagenet", "x"], "gone"),
        ("train_multibox", ["--root", "gone", "--imagenet", "x", "--size", "8"], "size must be"),
        ("train_ranking", ["--root", "gone", "--hold-out", "8", "--out", "r.json"], "gone"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    in_process: InProcess, tmp_path: Path, name: str, arguments: list[str], message: str
) -> None:
    ended = in_process(name, tmp_path)(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
