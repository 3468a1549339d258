from __future__ import annotations

import pytest

from detector.commands.completion import completion_script
from detector.commands.table import COMMANDS

pytest.importorskip("shtab", reason="pip install 'inception-rcnn[completion]'")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_script_knows_every_command_and_its_flags(shell: str) -> None:
    script = completion_script(shell, "inception-rcnn")
    for name in COMMANDS:
        assert name in script
    assert "--max-proposals" in script
    assert "--folds" in script


def test_pictures_and_files_are_completed_by_name() -> None:
    script = completion_script("zsh", "inception-rcnn")
    lines = [line for line in script.splitlines() if "(*)::picture" in line or "--weights[" in line]
    assert lines
    assert all(line.endswith(':_files"') for line in lines)
