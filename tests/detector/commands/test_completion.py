from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from detector.commands.completion import completion_script
from detector.commands.table import COMMANDS
from detector.members.models import shipped_models

pytest.importorskip("shtab", reason="pip install 'inception-rcnn[completion]'")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_script_knows_every_command_and_its_flags(shell: str) -> None:
    script = completion_script(shell, "inception-rcnn")
    for name in COMMANDS:
        assert name in script
    assert "--max-proposals" in script
    assert "--folds" in script


def test_models_are_completed_by_name_and_by_folder(tmp_path: Path) -> None:
    script = completion_script("bash", "inception-rcnn")
    (tmp_path / "voc-mine").mkdir()
    (tmp_path / "voc.txt").touch()
    function = re.search("_detect___model_COMPGEN=(\\w+)", script)
    assert function is not None
    program = f"{script}\n{function[1]} voc"
    found = subprocess.run(
        ["bash", "-c", program],  # noqa: S607 - as the user's own shell is found
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
    )  # fmt: skip
    assert found.stdout.split() == [*shipped_models(), "voc-mine"]


def test_pictures_and_files_are_completed_by_name() -> None:
    script = completion_script("zsh", "inception-rcnn")
    lines = [line for line in script.splitlines() if "(*)::picture" in line or "--weights[" in line]
    assert lines
    assert all(line.endswith(':_files"') for line in lines)
