"""The scripts in tools/, which call the commands of ``inception-rcnn`` from a clone."""

from __future__ import annotations

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
    assert f"    inception-rcnn {path.stem.replace('_', '-')} " in shown
    assert str(TOOLS) not in sys.path


def test_a_launcher_needs_no_installation_and_hides_no_package(tmp_path: Path) -> None:
    # In isolated mode neither PYTHONPATH nor what is installed for the user counts; a finder
    # that knows no editable installation stands for a machine that has none.
    program = (
        "import runpy, sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        f"sys.path[:] = [{str(TOOLS)!r}, *(p for p in sys.path if 'site-packages' not in p)]\n"
        f"sys.argv = [{str(TOOLS / 'coverage.py')!r}, '--help']\n"
        f"runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("usage: coverage.py [-h]")
