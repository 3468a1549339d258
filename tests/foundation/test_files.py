from __future__ import annotations

from pathlib import Path

import pytest

from foundation.files import whole_file, write_text


def test_text_is_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "grüße\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "grüße\n".encode()
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_and_fail() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_name_keeps_the_suffix(tmp_path: Path) -> None:
    with whole_file(tmp_path / "picture.jpg") as temporary:
        assert temporary.suffix == ".jpg"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")
