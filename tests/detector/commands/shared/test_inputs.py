from __future__ import annotations

from pathlib import Path

import pytest

from detector.commands.shared.inputs import list_pictures


@pytest.fixture(autouse=True)
def _there(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of files that are called pictures, and of others."""
    for name in (
        "a/b/c.PNG",
        "a/x.jpg",
        "a/notes.txt",
        "a/[1].gif",
        "y.jpeg",
        "empty/none.txt",
        "a/b/x.detections.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "a/folder.jpg").mkdir()
    (tmp_path / "a/list.txt").write_text("\ufeffx.jpg\n\n  ../y.jpeg \r\nmissing.png\n", "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("inputs", "paths"),
    [
        ([], []),
        (["y.jpeg", "missing.jpg", "a/notes.txt"], ["y.jpeg", "missing.jpg", "a/notes.txt"]),
        (["a"], ["a/[1].gif", "a/b/c.PNG", "a/x.jpg"]),
        (["./a/"], ["a/[1].gif", "a/b/c.PNG", "a/x.jpg"]),
        (["a/*"], ["a/[1].gif", "a/x.jpg"]),
        (["**/*.[jP]*"], ["a/b/c.PNG", "a/x.jpg", "y.jpeg"]),
        (["a/[1].gif"], ["a/[1].gif"]),  # a name comes before a pattern
        (["@a/list.txt"], ["a/x.jpg", "a/../y.jpeg", "a/missing.png"]),
        (["a/b/x.detections.jpg"], ["a/b/x.detections.jpg"]),  # left out unless it is named
        (["a/x.jpg", "a", "./a/x.jpg"], ["a/x.jpg", "a/[1].gif", "a/b/c.PNG"]),
    ],
)
def test_pictures_are_listed_once_in_the_order_they_are_named(
    inputs: list[str], paths: list[str]
) -> None:
    assert list_pictures(inputs) == paths


def test_absolute_patterns_and_lists_keep_absolute_paths(folder: Path) -> None:
    inside = [f"{folder}/a/[1].gif".replace("[1]", "[[]1]"), f"{folder}/*.jpeg"]
    assert list_pictures(inside) == [f"{folder}/a/[1].gif", f"{folder}/y.jpeg"]
    (folder / "absolute.txt").write_text(f"{folder}/y.jpeg\n")
    assert list_pictures(["@absolute.txt"]) == [f"{folder}/y.jpeg"]


def test_a_folder_that_the_command_writes_to_is_left_out_unless_its_files_are_named(
    folder: Path,
) -> None:
    assert list_pictures(["a", "a/*"], outside=folder / "a/b") == ["a/[1].gif", "a/x.jpg"]
    assert list_pictures(["a/b/c.PNG"], outside=Path("a/b")) == ["a/b/c.PNG"]
    assert list_pictures(["a/b"], outside=Path("b")) == ["a/b/c.PNG"]
    with pytest.raises(ValueError, match="a/b: holds no pictures"):
        list_pictures(["a/b"], outside=Path("a"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("empty", "empty: holds no pictures; name another folder"),
        ("*.tiff", r"\*\.tiff: matches no pictures; check the pattern"),
        ("@a/b/c.PNG", "c.PNG: the list names no picture"),
        ("@latin.txt", "latin.txt: a list must be a text file in UTF-8"),
    ],
)
def test_what_gives_no_picture_is_refused(folder: Path, word: str, message: str) -> None:
    (folder / "latin.txt").write_bytes("é.jpg".encode("latin-1"))
    with pytest.raises(ValueError, match=message):
        list_pictures([word])


def test_a_list_that_is_not_there_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        list_pictures(["@none.txt"])
