from __future__ import annotations

from pathlib import Path

import pytest

from backbones.training.image_folder import ImageFolder, ImageFolderError, read_image_folder

SUFFIXES = {".jpg", ".png"}


def tree(root: Path, *names: str) -> Path:
    """Make empty files, and folders where a name ends with a slash."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def test_classes_are_folders_and_both_they_and_pictures_are_sorted(tmp_path: Path) -> None:
    tree(tmp_path, "dog/b.jpg", "dog/a.PNG", "cat/z.jpg", "cat/more/y.jpg", "readme.txt")
    folder = read_image_folder(tmp_path, SUFFIXES)
    assert folder.names == ("cat", "dog")
    found = [path.relative_to(tmp_path).as_posix() for path in folder.paths]
    assert found == ["cat/more/y.jpg", "cat/z.jpg", "dog/a.PNG", "dog/b.jpg"]
    assert folder.labels == (0, 0, 1, 1)
    assert len(folder) == 4


def test_other_files_and_hidden_ones_are_no_pictures(tmp_path: Path) -> None:
    tree(tmp_path, "cat/a.jpg", "cat/notes.txt", "cat/.b.jpg", "cat/.thumbs/a.jpg")
    tree(tmp_path, ".cache/x.jpg", "dog/a.jpg", ".c.jpg")
    folder = read_image_folder(tmp_path, SUFFIXES)
    assert folder.names == ("cat", "dog")
    assert [path.name for path in folder.paths] == ["a.jpg", "a.jpg"]


def test_given_names_keep_their_order_and_some_may_be_absent(tmp_path: Path) -> None:
    tree(tmp_path, "cat/a.jpg", "dog/b.jpg")
    folder = read_image_folder(tmp_path, SUFFIXES, names=["dog", "horse", "cat"])
    assert folder.names == ("dog", "horse", "cat")
    assert [path.name for path in folder.paths] == ["b.jpg", "a.jpg"]
    assert folder.labels == (0, 2)


@pytest.mark.parametrize(
    ("files", "names", "message"),
    [
        pytest.param(
            (), None, "holds 0 classes; give a folder that holds at least two", id="empty"
        ),
        pytest.param((), ["cat", "dog"], "holds 0 classes", id="empty, with names"),
        pytest.param(("notes.txt",), None, "holds 0 classes", id="no folder"),
        pytest.param(("cat/a.jpg",), None, "holds 1 classes", id="one class"),
        pytest.param(("cat/a.jpg", "dog/"), None, "dog: holds no pictures; add", id="no picture"),
        pytest.param(("cat/a.jpg", "dog/a.txt"), None, "dog: holds no pictures", id="only text"),
        pytest.param(
            ("cat/a.jpg", "dog/b.jpg", "c.jpg"), None, "c.jpg: lies in no class", id="loose"
        ),
        pytest.param(("cow/a.jpg",), ["cat", "dog"], "cow: no class of this name", id="strange"),
    ],
)
def test_unusable_folder_is_named_with_its_fault(
    tmp_path: Path, files: tuple[str, ...], names: list[str] | None, message: str
) -> None:
    tree(tmp_path, *files)
    with pytest.raises(ImageFolderError, match=message) as caught:
        read_image_folder(tmp_path, SUFFIXES, names)
    assert str(caught.value).startswith(str(tmp_path))


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageFolderError, match="nowhere: no such folder; give one"):
        read_image_folder(tmp_path / "nowhere", SUFFIXES)


@pytest.mark.parametrize(
    ("paths", "labels", "message"),
    [
        ((), (), "1 or more, but got 0 and 0"),
        ((Path("a"),), (), "but got 0 and 1"),
        ((Path("a"),), (2,), "must be 0 to 1 for 2 names but lie from 2 to 2"),
        ((Path("a"),), (-1,), "but lie from -1 to -1"),
    ],
)
def test_a_data_set_that_does_not_fit_together_is_refused(
    paths: tuple[Path, ...], labels: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ImageFolderError, match=message):
        ImageFolder(("cat", "dog"), paths, labels)
