from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from foundation import digests
from foundation.digests import file_digest


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is remembered apart from the user's, and take every file for settled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_SETTLED_SECONDS", -1.0)
    return tmp_path / "cache" / "inception-rcnn" / "digests" / "files.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(b"first")
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def never(*_: object) -> None:
    raise AssertionError("the file was read again")


def test_an_empty_file_has_a_digest(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert file_digest(tmp_path / "empty") == sha256(b"")


def test_a_file_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_digest(file) == sha256(b"first")
    monkeypatch.setattr(hashlib, "file_digest", never)
    assert file_digest(str(file)) == sha256(b"first")


def test_other_bytes_are_noticed_though_size_and_time_are_set_back(file: Path) -> None:
    file_digest(file)
    before = file.stat()
    time.sleep(0.02)  # longer than a tick of the file system's clock
    file.write_bytes(b"other")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert file_digest(file) == sha256(b"other")


def test_a_file_that_has_just_changed_is_not_remembered(
    file: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_SETTLED_SECONDS", 60.0)
    file_digest(file)
    assert not memory.exists()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": {"identity": []}}'])
def test_damaged_memory_is_no_memory(file: Path, memory: Path, content: str) -> None:
    file_digest(file)
    memory.write_text(content)
    assert file_digest(file) == sha256(b"first")


def test_memory_that_others_can_write_is_not_believed(
    file: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_digest(file)
    memory.parent.chmod(0o777)
    monkeypatch.setattr(hashlib, "file_digest", never)
    with pytest.raises(AssertionError, match="read again"):
        file_digest(file)


def test_where_nothing_can_be_written_files_are_read_every_time(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert file_digest(file) == file_digest(file) == sha256(b"first")


def test_of_many_files_the_latest_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_MOST_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_text(name)
        file_digest(tmp_path / name)
    monkeypatch.setattr(hashlib, "file_digest", never)
    file_digest(tmp_path / "c")
    with pytest.raises(AssertionError, match="read again"):
        file_digest(tmp_path / "a")
