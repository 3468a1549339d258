from __future__ import annotations

import time
from pathlib import Path

import pytest

from foundation import source_stamp as module
from foundation.source_stamp import source_stamp


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a/one.py", "a/inner/two.py", "b/three.py", "a/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    monkeypatch.setattr(module, "_STARTED_NS", time.time_ns() + 10**12)
    return tmp_path


@pytest.mark.usefixtures("root")
def test_what_shows_no_sources_has_no_stamp() -> None:
    assert source_stamp("a") is not None
    assert source_stamp("none") is None
    assert source_stamp("a", "none") is None


@pytest.mark.parametrize("changed", ["a/one.py", "a/inner/two.py", "a/new.py"])
def test_any_source_of_the_packages_changes_the_stamp(root: Path, changed: str) -> None:
    before = source_stamp("a")
    (root / changed).write_text("changed")
    assert source_stamp("a") != before


def test_a_moved_line_between_two_files_changes_the_stamp(root: Path) -> None:
    (root / "a/one.py").write_text("x\ny\n")
    (root / "a/inner/two.py").write_text("z\n")
    before = source_stamp("a")
    (root / "a/one.py").write_text("x\n")
    (root / "a/inner/two.py").write_text("y\nz\n")
    assert source_stamp("a") != before


def test_other_packages_and_files_do_not(root: Path) -> None:
    before = source_stamp("a")
    (root / "b/three.py").write_text("changed")
    (root / "a/notes.txt").write_text("changed")
    assert source_stamp("a") == before


def test_a_source_that_changed_after_the_start_gives_no_stamp(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STARTED_NS", (root / "a/one.py").stat().st_mtime_ns - 1)
    assert source_stamp("a") is None


def test_what_cannot_be_read_gives_no_stamp_and_an_editors_own_files_do_not_matter(
    root: Path,
) -> None:
    before = source_stamp("a")
    (root / "a/.#one.py").symlink_to("nowhere")
    assert source_stamp("a") == before
    (root / "a/lost.py").symlink_to("nowhere")
    assert source_stamp("a") is None
