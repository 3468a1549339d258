"""The scripts in tools/, which call the commands of ``inception-rcnn`` from a clone."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from detector.commands.table import COMMANDS

TOOLS = Path(__file__).parents[2] / "tools"
LAUNCHERS = sorted(path for path in TOOLS.glob("*.py") if not path.name.startswith("_"))


def test_each_command_has_a_launcher() -> None:
    assert {path.stem.replace("_", "-") for path in LAUNCHERS} == set(COMMANDS)


@pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: path.stem)
def test_a_launcher_shows_the_help_of_its_command(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: {path.name} [-h]")
    assert re.search(rf"    inception-rcnn {path.stem.replace('_', '-')}\b", shown)
    assert str(TOOLS) not in sys.path


def test_a_launcher_takes_the_packages_of_its_clone_where_none_are_installed(
    tmp_path: Path,
) -> None:
    program = (
        "import os, runpy, sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        "uninstalled = [p for p in sys.path if not os.path.isdir(os.path.join(p, 'detector'))]\n"
        f"sys.path[:] = [{str(TOOLS)!r}, *uninstalled]\n"
        f"sys.argv = [{str(TOOLS / 'coverage.py')!r}, '--help']\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n    print(sys.modules['detector'].__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout.splitlines()[-1] == str(TOOLS.parent / "detector" / "__init__.py")


def test_without_the_dependencies_a_launcher_says_in_one_line_how_to_get_them(
    tmp_path: Path,
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-S", TOOLS / "detect.py", "--help"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("error: No module named '")
    assert run.stderr.endswith(f"Run in the folder {TOOLS.parent}: pip install -e .\n")
