from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proposals.storage.lock import LockedError, locked


def test_a_lock_names_its_process_and_goes_when_the_work_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.lock"
    for _ in range(2):
        with locked(path):
            assert path.read_text() == f"{os.getpid()}\n"
        assert not path.exists()


def test_a_second_one_is_refused_and_does_no_harm_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with locked(path):
        for _ in range(2):
            refused = pytest.raises(LockedError, match=rf"process {os.getpid()} is at work")
            with refused, locked(path):
                pass
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_failure_gives_the_lock_back(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with pytest.raises(ZeroDivisionError), locked(path):
        _ = 1 / 0
    with locked(path):
        pass


def test_a_process_that_was_killed_locks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    program = (
        "import os, pathlib, signal, sys; from proposals.storage.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program, path], check=False)
    assert killed.returncode == -9
    assert path.exists()
    with locked(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_another_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    program = (
        "import pathlib, sys; from proposals.storage.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): pass"
    )
    with locked(path):
        refused = subprocess.run(
            [sys.executable, "-c", program, path], check=False, capture_output=True, text=True
        )
    assert refused.returncode == 1
    assert f"process {os.getpid()} is at work" in refused.stderr
