from __future__ import annotations

import os
from pathlib import Path

import pytest

from foundation import network_store
from foundation.network_store import StoredNetwork


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "networks"


def test_where_nothing_was_written_there_is_nothing(folder: Path) -> None:
    assert not StoredNetwork(folder, "key").exists()
    assert StoredNetwork(folder, "key").read() is None


def test_what_was_written_is_read_by_its_key_alone(folder: Path) -> None:
    StoredNetwork(folder, "one").write(b"first")
    StoredNetwork(folder, "two").write(b"second")
    assert StoredNetwork(folder, "one").exists()
    assert StoredNetwork(folder, "one").read() == b"first"
    assert StoredNetwork(folder, "two").read() == b"second"


def test_a_key_has_one_file(folder: Path) -> None:
    for content in (b"first", b"second"):
        StoredNetwork(folder, "one").write(content)
    assert StoredNetwork(folder, "one").read() == b"second"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"firs", b"fjrst", b"first!"])
def test_a_damaged_file_is_not_read_and_gives_way_to_a_new_one(
    folder: Path, content: bytes
) -> None:
    stored = StoredNetwork(folder, "one")
    stored.write(b"first")
    (path,) = folder.iterdir()
    path.write_bytes(content)
    assert stored.read() is None
    stored.write(b"new")
    assert stored.read() == b"new"
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_others_can_write_is_neither_read_nor_written(folder: Path) -> None:
    stored = StoredNetwork(folder, "one")
    stored.write(b"first")
    folder.chmod(0o777)
    assert not stored.exists()
    assert stored.read() is None
    StoredNetwork(folder, "two").write(b"second")
    assert len(list(folder.iterdir())) == 1


def test_where_nothing_can_be_written_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    StoredNetwork(tmp_path / "file" / "networks", "one").write(b"first")


def test_what_was_not_used_for_longest_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_store, "_MOST_FILES", 2)
    for second, key in enumerate("ab"):
        StoredNetwork(folder, key).write(key.encode())
        (path,) = folder.glob(f"{key}-*")
        os.utime(path, (second, second))
    assert StoredNetwork(folder, "a").read() == b"a"
    StoredNetwork(folder, "c").write(b"c")
    assert {path.name[0] for path in folder.iterdir()} == {"a", "c"}
