from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

from proposals import ProposalFile, ProposalFileError, Proposals, Proposer
from proposals.storage.batch import propose_for_pictures, propose_to_file
from proposals.storage.header import ProposalSettings
from proposals.storage.lock import LockedError, locked
from proposals.storage.parts import Picture

SETTINGS = ProposalSettings("stub")
BAD = 4  # the picture of that number is none


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Picture]:
    """Make nine pictures, each of a size of its own, of which one is none."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / f"{number}.png" for number in range(9)]
    for number, path in enumerate(paths):
        Image.new("RGB", (20 + number, 10)).save(path)
    paths[BAD].write_bytes(b"no picture")
    return [Picture(path.stem, str(path)) for path in paths]


class Stub:
    """Proposes as many boxes as the image is wider than 20 pixels; may fail at one image."""

    def __init__(
        self, fails_at: int | None = None, error: type[BaseException] = MemoryError
    ) -> None:
        self.seen: list[int] = []
        self._fails_at = fails_at
        self._error = error

    def __call__(self, image: NDArray[np.uint8]) -> Proposals:
        height, width = image.shape[:2]
        number = width - 20
        if number == self._fails_at:
            raise self._error
        self.seen.append(number)
        boxes = np.array([[0, 0, x + 1, height] for x in range(number)])
        # Sources differ between images, and so between parts.
        return Proposals.of_one_source(boxes, (height, width), "even" if number % 2 else "odd")


def run(
    pictures: list[Picture], path: Path, proposer: Proposer | None = None, **options: Any
) -> bool:
    settings = {
        "settings": SETTINGS,
        "workers": 2,
        "images_a_part": 2,
        "report": lambda _done: None,
        **options,
    }
    return propose_to_file(pictures, lambda: proposer or Stub(), path, **settings)


@pytest.mark.parametrize("count", [0, 1, 2, 9])
@pytest.mark.parametrize("workers", [1, 3])
def test_pictures_keep_their_order_and_bad_ones_are_told(
    count: int, workers: int, pictures: list[Picture], tmp_path: Path
) -> None:
    path = tmp_path / "new" / "boxes.parquet"
    reports: list[int] = []
    assert run(pictures[:count], path, workers=workers, report=reports.append)
    assert reports == list(range(count + 1))
    with ProposalFile(path) as file:
        assert list(file) == [str(number) for number in range(count) if number != BAD]
        assert {image_id: len(file[image_id]) for image_id in file} == {i: int(i) for i in file}
        assert list(file.skipped) == [str(BAD)] * (count > BAD)
        assert all("not a picture" in reason for reason in file.skipped.values())
    assert [entry.name for entry in path.parent.iterdir()] == ["boxes.parquet"]


def test_the_best_boxes_are_kept_where_a_limit_is_set(
    pictures: list[Picture], tmp_path: Path
) -> None:
    path = tmp_path / "boxes.parquet"
    run(pictures, path, settings=ProposalSettings("stub", max_boxes=3))
    with ProposalFile(path) as file:
        assert [len(file[image_id]) for image_id in file] == [0, 1, 2, 3, 3, 3, 3, 3]
        assert file["8"].boxes_xyxy[:, 2].tolist() == [1, 2, 3]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("fails_at", [0, 1, 5, 8])
def test_a_run_that_failed_goes_on_and_ends_as_an_unbroken_one(
    fails_at: int, error: type[BaseException], pictures: list[Picture], tmp_path: Path
) -> None:
    path, unbroken = tmp_path / "boxes.parquet", tmp_path / "unbroken.parquet"
    first, second = Stub(fails_at, error), Stub()
    with pytest.raises(error):
        run(pictures, path, first)
    assert not path.exists()
    finished = {n for n in range(9) if n < fails_at // 2 * 2 and n != BAD}
    assert len(list((tmp_path / "boxes.parquet.parts").glob("*"))) == fails_at // 2
    reports: list[int] = []
    assert run(pictures, path, second, report=reports.append)
    assert reports == list(range(fails_at // 2 * 2, 10))
    assert sorted(second.seen) == sorted({n for n in range(9) if n != BAD} - finished)
    run(pictures, unbroken)
    assert path.read_bytes() == unbroken.read_bytes()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError, "the memory does not suffice; shrink it, or work on fewer at a time"),
        (RuntimeError, "the proposer failed (RuntimeError); look at the picture, or leave it out"),
        (ValueError, "the proposer failed (ValueError); look at the picture, or leave it out"),
    ],
)
@pytest.mark.parametrize("fails_at", [0, 5, 8])
def test_a_picture_at_which_the_proposer_fails_is_listed_as_an_unreadable_one(
    fails_at: int,
    error: type[BaseException],
    reason: str,
    pictures: list[Picture],
    tmp_path: Path,
) -> None:
    path = tmp_path / "boxes.parquet"
    assert run(pictures, path, Stub(fails_at, error))
    with ProposalFile(path) as file:
        assert list(file) == [str(n) for n in range(9) if n not in {BAD, fails_at}]
        assert sorted(file.skipped) == sorted({str(BAD), str(fails_at)})
        assert file.skipped[str(fails_at)] == f"{pictures[fails_at].path}: {reason}"


def test_a_proposer_that_cannot_be_made_ends_the_run(pictures: list[Picture]) -> None:
    def refuse() -> Proposer:
        raise ValueError("no weights")

    with pytest.raises(ValueError, match="no weights"):
        list(propose_for_pictures(pictures, refuse, None, 2))


def test_a_run_that_was_killed_goes_on_and_ends_as_an_unbroken_one(
    pictures: list[Picture], tmp_path: Path
) -> None:
    path, unbroken = tmp_path / "boxes.parquet", tmp_path / "unbroken.parquet"
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_batch import run
from pathlib import Path
from proposals.storage.parts import Picture
def killed(done):
    if done == 5:  # the third part is begun, so the first two are written
        os.kill(os.getpid(), signal.SIGKILL)
run([Picture(*p) for p in {[tuple(p) for p in pictures]!r}], Path(sys.argv[1]), report=killed)
"""
    killed = subprocess.run([sys.executable, "-c", program, path], check=False)
    assert killed.returncode == -9
    assert (tmp_path / "boxes.parquet.lock").exists()
    proposer = Stub()
    run(pictures, path, proposer)
    assert sorted(proposer.seen) == [5, 6, 7, 8]
    run(pictures, unbroken)
    assert path.read_bytes() == unbroken.read_bytes()
    assert sorted(e.name for e in tmp_path.iterdir()) == ["boxes.parquet", "unbroken.parquet"]


def stopped(pictures: list[Picture], path: Path) -> Path:
    """Leave three parts of two images each; return their folder."""
    with pytest.raises(KeyboardInterrupt):
        run(pictures, path, Stub(7, KeyboardInterrupt))
    return path.with_name(f"{path.name}.parts")


def with_a_changed_byte(part: Path) -> bytes:
    """Return what the part holds, with the last byte of its scores changed."""
    group = parquet.read_metadata(part).row_group(0)
    scores = next(c for c in map(group.column, range(group.num_columns)) if "scores" in str(c))
    content = bytearray(part.read_bytes())
    content[scores.data_page_offset + scores.total_compressed_size - 1] ^= 0x5A
    return bytes(content)


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_only_a_damaged_part_is_made_again(
    content: bytes | None, pictures: list[Picture], tmp_path: Path
) -> None:
    path, unbroken = tmp_path / "boxes.parquet", tmp_path / "unbroken.parquet"
    part = stopped(pictures, path) / "000000.parquet"
    part.write_bytes(with_a_changed_byte(part) if content is None else content)
    proposer = Stub()
    run(pictures, path, proposer)
    assert sorted(proposer.seen) == [0, 1, 6, 7, 8]
    run(pictures, unbroken)
    assert path.read_bytes() == unbroken.read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": ProposalSettings("other")}, "generator stub, not other"),
        ({"settings": ProposalSettings("stub", seed=1)}, "seed 0, not 1"),
        ({"settings": ProposalSettings("stub", max_boxes=5)}, "max_boxes None, not 5"),
        ({"count": 8}, "9 images, not 8"),
        ({"order": -1}, "other images, or in another order"),
    ],
)
@pytest.mark.parametrize("complete", [False, True])
def test_other_settings_are_refused_and_nothing_is_lost(
    complete: bool, changes: dict[str, Any], message: str, pictures: list[Picture], tmp_path: Path
) -> None:
    path = tmp_path / "boxes.parquet"
    if complete:
        run(pictures, path)
    else:
        stopped(pictures, path)
    before = {entry: entry.stat().st_mtime_ns for entry in tmp_path.rglob("*.parquet")}
    change = dict(changes)
    asked = pictures[: change.pop("count", 9)][:: change.pop("order", 1)]
    with pytest.raises(ProposalFileError, match=rf"{message}; .* anew by --overwrite"):
        run(asked, path, **change)
    assert {entry: entry.stat().st_mtime_ns for entry in tmp_path.rglob("*.parquet")} == before
    assert run(asked, path, overwrite=True, **change)
    with ProposalFile(path) as file:
        assert len(file) + len(file.skipped) == len(asked)


def test_a_complete_file_is_left_alone(pictures: list[Picture], tmp_path: Path) -> None:
    path, proposer = tmp_path / "boxes.parquet", Stub()
    stopped(pictures, path)
    shutil.copytree(tmp_path / "boxes.parquet.parts", tmp_path / "kept")
    run(pictures, path)
    shutil.move(tmp_path / "kept", tmp_path / "boxes.parquet.parts")  # killed at its very end
    assert not run(pictures, path, proposer)
    assert proposer.seen == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["boxes.parquet"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_neither_written_to_nor_removed(
    overwrite: bool, pictures: list[Picture], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    with pytest.raises(ProposalFileError, match="mine: is a folder of something else; name a new"):
        run(pictures, tmp_path / "mine", overwrite=overwrite)
    assert [entry.name for entry in tmp_path.rglob("*")] == ["mine", "letter.txt"]


def test_an_empty_folder_may_become_that_of_proposals(
    pictures: list[Picture], tmp_path: Path
) -> None:
    (tmp_path / "boxes").mkdir()
    run(pictures, tmp_path / "boxes")
    with ProposalFile(tmp_path / "boxes") as file:
        assert len(file) == 8


def test_a_file_that_is_something_else_is_not_written_over(
    pictures: list[Picture], tmp_path: Path
) -> None:
    path = tmp_path / "boxes.parquet"
    path.write_text("mine")
    with pytest.raises(ProposalFileError, match="not Parquet"):
        run(pictures, path)
    assert path.read_text() == "mine"


def test_two_runs_on_one_file_are_refused(pictures: list[Picture], tmp_path: Path) -> None:
    path = tmp_path / "boxes.parquet"
    with locked(tmp_path / "boxes.parquet.lock"), pytest.raises(LockedError, match="at work"):
        run(pictures, path, overwrite=True)
    assert list(tmp_path.iterdir()) == []


def test_two_pictures_of_one_id_are_refused(pictures: list[Picture], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same id"):
        run([pictures[0], pictures[0]], tmp_path / "boxes.parquet")


def test_each_part_becomes_a_row_group(pictures: list[Picture], tmp_path: Path) -> None:
    run(pictures, tmp_path / "boxes.parquet")
    metadata = parquet.read_metadata(tmp_path / "boxes.parquet")
    rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert rows == [2, 2, 2, 2, 1]


def test_names_that_are_no_unicode_and_folders_without_leave_are_only_skipped(
    pictures: list[Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> bool:
        if self.name == "locked.png":
            raise PermissionError(13, "Permission denied")
        return False

    monkeypatch.setattr(Path, "is_file", refuse)
    asked = [Picture("a", "caf\udce9.png"), Picture("b", "locked.png")]
    rows = list(propose_for_pictures(asked, Stub, None, 1))
    monkeypatch.undo()
    assert [row.result for row in rows] == [
        "caf\udce9.png: there is no such file; check the path",
        "locked.png: cannot be read (Permission denied); see to its path and permissions",
    ]
    path = tmp_path / "boxes.parquet"
    run([*pictures, asked[0]], path)
    with ProposalFile(path) as file:
        assert file.skipped["a"] == "caf\\udce9.png: there is no such file; check the path"
        assert file.id_of_path("caf\udce9.png") == "a"


def test_each_worker_has_a_proposer_of_its_own(pictures: list[Picture]) -> None:
    made: list[int] = []

    def make() -> Callable[[NDArray[np.uint8]], Proposals]:
        made.append(threading.get_ident())
        owner = threading.get_ident()

        def propose(image: NDArray[np.uint8]) -> Proposals:
            assert threading.get_ident() == owner
            time.sleep(0.002)  # lets the others begin
            return Stub()(image)

        return propose

    rows = list(propose_for_pictures(pictures * 5, make, None, 3))
    assert len(rows) == 45
    assert 1 <= len(made) <= 3
    assert len(set(made)) == len(made)


def test_only_so_many_pictures_are_looked_at_ahead(pictures: list[Picture]) -> None:
    taken = itertools.count()

    def endless() -> Any:
        while True:
            next(taken)
            yield pictures[0]

    rows = propose_for_pictures(endless(), Stub, None, 2)
    for _ in range(10):
        next(rows)
    rows.close()
    assert next(taken) <= 10 + 16
