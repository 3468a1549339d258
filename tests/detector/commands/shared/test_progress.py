from __future__ import annotations

import itertools
import sys
import time

import pytest

from detector.commands.shared.progress import progress


@pytest.fixture
def progress_lines() -> None:
    """Leave them as they are, which other tests of commands do not."""


def test_long_work_prints_a_line_soon_and_then_each_half_minute_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    seconds = itertools.count(0, 12)  # each look at the clock is 12 s after the one before
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    with progress(7, "counting", "lamb") as advance_to:
        for done in range(1, 8):
            advance_to(done)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "counting: 1 of 7 lambs in 12 s",
        "counting: 4 of 7 lambs in 48 s",
        "counting: 7 of 7 lambs in 84 s",
    ]


def test_short_work_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with progress(2, "counting", "lamb") as advance_to:
        advance_to(1)
        advance_to(2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("total", "lines"), [(1, []), (2, ["counting: 0 of 2 lambs"])])
def test_that_work_begins_is_said_at_once_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    total: int,
    lines: list[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with progress(total, "counting", "lamb", at_once=True):
        assert capsys.readouterr().err.splitlines() == lines
