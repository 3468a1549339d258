from __future__ import annotations

import stat
from pathlib import Path

import pytest

from foundation.cache_folder import cache_folder, is_trusted, make_folder


def test_the_folder_is_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("networks") == tmp_path / "inception-rcnn" / "networks"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/invalid")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder("networks") == tmp_path / ".cache" / "inception-rcnn" / "networks"


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder("networks") is None


def test_only_what_nobody_else_can_write_is_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert not is_trusted(folder)
    make_folder(folder)
    make_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) & 0o022 == 0
    assert is_trusted(folder)
    for mode in (0o775, 0o757):
        folder.chmod(mode)
        assert not is_trusted(folder)


def test_where_nothing_can_be_written_the_system_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_folder(tmp_path / "file" / "folder")
