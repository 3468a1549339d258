from __future__ import annotations

import stat
from pathlib import Path

import pytest

from foundation.cache_folder import cache_folder


def test_the_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache_folder("networks")
    assert folder == tmp_path / "inception-rcnn" / "networks"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert cache_folder("networks") == folder


def test_where_nothing_can_be_written_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder("networks") is None
