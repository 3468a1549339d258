from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from detector.commands.main import main


@pytest.fixture
def warm_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mock:
    (tmp_path / "kernel").write_bytes(bytes(300_000))
    stub = Mock(return_value=(tmp_path,))
    monkeypatch.setattr("detector.warm_up.warm_up", stub)
    return stub


def test_folders_are_listed_with_their_size(
    warm_up: Mock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["warm-up"]) == 0
    warm_up.assert_called_once_with()  # a flag that is not given is not passed on
    assert capsys.readouterr().out.splitlines()[0] == f"   0.3 MB  {tmp_path}"


def test_another_model_is_warmed_up_where_one_is_named(warm_up: Mock) -> None:
    assert main(["warm-up", "--model", "mine"]) == 0
    warm_up.assert_called_once_with(model="mine")


def test_where_nothing_can_be_stored_the_exit_code_is_1(
    warm_up: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    warm_up.return_value = ()
    assert main(["warm-up"]) == 1
    assert "set XDG_CACHE_HOME" in capsys.readouterr().err
