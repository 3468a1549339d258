"""train_multibox and train_ranking, as a user meets them first."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("name", ["train-multibox", "train-ranking"])
def test_help_shows_a_command(
    name: str, in_process: Callable[[str, Path], Tool], tmp_path: Path
) -> None:
    ended = in_process(name, tmp_path)("--help")
    assert ended.returncode == 0
    assert f"inception-rcnn {name} --root ILSVRC" in ended.stdout


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("train-multibox", [], "--root"),
        ("train-multibox", ["--root", "gone", "--imagenet", "x"], "gone"),
        ("train-multibox", ["--root", "gone", "--imagenet", "x", "--size", "8"], "size must be"),
        ("train-ranking", ["--root", "gone", "--hold-out", "8", "--out", "r.json"], "gone"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    name: str,
    arguments: list[str],
    message: str,
    in_process: Callable[[str, Path], Tool],
    tmp_path: Path,
) -> None:
    ended = in_process(name, tmp_path)(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
