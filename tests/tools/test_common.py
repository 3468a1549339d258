from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "tools"))
    return importlib.import_module("_common")


def test_long_work_prints_a_line_each_half_minute_where_there_is_no_terminal(
    common: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    seconds = itertools.count(0, 12)  # each look at the clock is 12 s after the one before
    monkeypatch.setattr(common.time, "monotonic", lambda: next(seconds))
    with common.progress(7, "counting", "lamb") as advance_to:
        for done in range(1, 8):
            advance_to(done)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "counting: 3 of 7 lambs in 36 s",
        "counting: 6 of 7 lambs in 72 s",
        "counting: 7 of 7 lambs in 84 s",
    ]


def test_short_work_prints_nothing(
    common: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with common.progress(2, "counting", "lamb") as advance_to:
        advance_to(1)
        advance_to(2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [ValueError("a\nb"), OSError("a b")])
def test_errors_that_a_user_can_mend_are_one_line_and_exit_code_2(
    error: Exception, common: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, common.errors_as_lines():
        raise error
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: a b\n"


def test_faults_of_the_program_keep_their_traceback(common: ModuleType) -> None:
    for fault in (ImportError("x", name="numpy"), KeyError("x")):
        with pytest.raises(type(fault)), common.errors_as_lines():
            raise fault
