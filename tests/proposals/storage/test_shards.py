"""Folders of shards, beside the one file that holds the same."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import dataset, parquet

from proposals import ProposalFile, ProposalFileError, Proposals
from proposals.storage import shards
from proposals.storage.header import Header, ProposalSettings, Run
from proposals.storage.parquet import ImageRow, index_schema
from proposals.storage.parts import Parts, Picture

BOXES = np.array([[1, 2, 3, 4.5], [0, 0, 9, 8], [5, 5, 6, 6]], np.float32)


def rows_of(count: int) -> list[ImageRow]:
    """Return images of which each has boxes of its own, and every fifth is bad."""
    rows = []
    for number in range(count):
        found = Proposals.of_one_source(BOXES[: number % 4], (8 + number, 10), "abc"[number % 3])
        bad = number % 5 == 4
        rows.append(ImageRow(f"n{number}", f"x/{number}.jpg", "no picture" if bad else found))
    return rows


def write(path: Path, rows: list[ImageRow], size: int = 3, seed: int = 0) -> Path:
    run = Run.of_images(ProposalSettings("stub", seed), [row.image_id for row in rows])
    parts = Parts(path, run, [Picture(row.image_id, row.path) for row in rows], size)
    for part in range(len(parts)):
        parts.write(part, rows[part * size : (part + 1) * size])
    parts.finish()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "boxes", rows_of(8))


def told(found: Proposals) -> tuple[Any, ...]:
    arrays = (found.boxes_xyxy, found.scores, found.ranks)
    return (*(array.tolist() for array in arrays), found.source_names(), found.image_size)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 8, 9])
@pytest.mark.parametrize("open_shards", [1, 2, 128])
def test_a_folder_gives_what_the_file_gives_in_any_order(
    count: int, open_shards: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_OPEN_SHARDS", open_shards)
    names = ("boxes", "boxes.parquet")
    with (
        ProposalFile(write(tmp_path / names[0], rows_of(count))) as folder,
        ProposalFile(write(tmp_path / names[1], rows_of(count))) as file,
    ):
        assert list(folder) == list(file)
        assert folder.skipped == file.skipped
        assert folder.settings == file.settings
        for image_id in [*file, *np.random.default_rng(0).permutation([*file])]:
            assert told(folder[image_id]) == told(file[image_id])
        assert folder.id_of_path("7.jpg") == file.id_of_path("7.jpg")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(names)


def test_no_more_shards_stay_open_than_few_and_only_one_row_group_stays_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_OPEN_SHARDS", 2)
    opened: list[shards.OneFile] = []
    original = shards.OneFile.__init__

    def spy(self: shards.OneFile, path: Path) -> None:
        opened.append(self)
        original(self, path)

    monkeypatch.setattr(shards.OneFile, "__init__", spy)
    with ProposalFile(folder) as file:
        for image_id in ("n0", "n3", "n0", "n6", "n0"):
            _ = file[image_id]
        assert [one._path.name for one in opened] == [f"00000{n}.parquet" for n in range(3)]
        assert [one._file.closed for one in opened] == [False, True, False]
        assert [one._kept is None for one in opened] == [False, True, True]
    assert all(one._file.closed for one in opened)


def test_other_programs_read_the_folder_and_its_index(folder: Path) -> None:
    table = dataset.dataset(folder, format="parquet").to_table()
    index = parquet.read_table(folder / "_index")
    assert index.column_names == ["image_id", "path", "width", "height", "error"]
    assert index.to_pylist() == table.select(index.column_names).to_pylist()
    assert index["image_id"].to_pylist() == [f"n{number}" for number in range(8)]
    header = json.loads(index.schema.metadata[b"proposals"])
    assert header["shard_images"] == 3
    assert header["images"]["count"] == 8
    boxes = zip(table["image_id"].to_pylist(), table["sources"].to_pylist(), strict=True)
    names = {i: [header["sources"][source] for source in sources] for i, sources in boxes}
    with ProposalFile(folder) as file:
        assert {i: file[i].source_names() for i in file} == {i: names[i] for i in file}


def test_shards_are_the_parts_that_were_written_but_for_new_numbers_of_sources(
    tmp_path: Path,
) -> None:
    rows = rows_of(8)
    run = Run.of_images(ProposalSettings("stub"), [row.image_id for row in rows])
    parts = Parts(tmp_path / "boxes", run, [Picture(row.image_id, row.path) for row in rows], 3)
    for part in range(3):
        parts.write(part, rows[part * 3 : part * 3 + 3])
    (parts.folder / ".7-7-000001.parquet").write_text("half")  # of a run that was killed
    before = {entry.name: entry.stat().st_ino for entry in parts.folder.iterdir()}
    parts.finish()
    after = {entry.name: entry.stat().st_ino for entry in (tmp_path / "boxes").iterdir()}
    assert sorted(after) == ["000000.parquet", "000001.parquet", "000002.parquet", "_index"]
    assert after["000000.parquet"] == before["000000.parquet"]


def test_a_pickled_one_opens_the_same_path_from_anywhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (folder, write(tmp_path / "boxes.parquet", rows_of(8))):
        monkeypatch.chdir(path.parent)
        with ProposalFile(path.name) as file:
            content = pickle.dumps(file)
            expected = {image_id: told(file[image_id]) for image_id in file}
        assert len(content) < 1000
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "elsewhere")
        with pickle.loads(content) as again:  # noqa: S301 - ours
            assert {image_id: told(again[image_id]) for image_id in again} == expected


def test_a_closed_folder_gives_nothing(folder: Path) -> None:
    file = ProposalFile(folder)
    file.close()
    with pytest.raises(ProposalFileError, match="closed"):
        _ = file["n0"]


def swap(folder: Path) -> None:
    (folder / "000000.parquet").rename(folder / "kept")
    (folder / "000001.parquet").rename(folder / "000000.parquet")
    (folder / "kept").rename(folder / "000001.parquet")


def change_index(folder: Path, **changes: Any) -> None:
    table = parquet.read_table(folder / "_index")
    header = json.loads(table.schema.metadata[b"proposals"]) | changes
    table = table.replace_schema_metadata({"proposals": json.dumps(header)})
    parquet.write_table(table, folder / "_index")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "_index").unlink(), "boxes: a folder without the file _index"),
        (lambda folder: (folder / "_index").write_text("no"), "_index: damaged, or not Parquet"),
        (
            lambda folder: (folder / "000002.parquet").replace(folder / "_index"),
            "_index: its columns are not those",
        ),
        (lambda folder: (folder / "000002.parquet").unlink(), r"000002\.parquet: is missing; fet"),
        (lambda folder: change_index(folder, shard_images=None), "does not say how many images"),
        (lambda folder: change_index(folder, shard_images=0), "does not say how many images"),
        (lambda folder: change_index(folder, shard_images="x"), "not of proposals"),
        (lambda folder: change_index(folder, shard_images=2), r"000003\.parquet: is missing"),
        (
            lambda folder: change_index(folder, images={"count": 9, "sha256": ""}),
            "boxes: must hold 9 images, each once",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line_when_it_is_opened(
    spoil: Callable[[Path], object], message: str, folder: Path
) -> None:
    spoil(folder)
    with pytest.raises(ProposalFileError, match=message) as refused:
        ProposalFile(folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (swap, r"000000\.parquet: damaged.*'n3' stands in the place of 'n0'"),
        (
            lambda folder: (
                write(folder.parent / "other", rows_of(8), seed=1)
                .joinpath("000000.parquet")
                .replace(folder / "000000.parquet")
            ),
            r"000000\.parquet: is not of the same run as _index",
        ),
        (
            lambda folder: (
                (folder / "000002.parquet").replace(folder / "000000.parquet")
                and (folder / "000002.parquet").write_text("x")
            ),
            r"000000\.parquet: is not of the same run",
        ),
        (lambda folder: (folder / "000000.parquet").write_text("no"), "damaged, or not Parquet"),
    ],
)
def test_a_shard_that_is_not_its_own_is_one_line_when_it_is_read(
    spoil: Callable[[Path], object], message: str, folder: Path
) -> None:
    spoil(folder)
    with ProposalFile(folder) as file, pytest.raises(ProposalFileError, match=message):
        _ = file["n0"]


def test_a_shard_alone_is_refused_with_a_remedy(folder: Path) -> None:
    with pytest.raises(ProposalFileError, match="give the folder if it is a shard of one"):
        ProposalFile(folder / "000001.parquet")


def test_many_names_that_are_alike_are_not_taken_for_a_claim_that_the_index_cannot_hold(
    tmp_path: Path,
) -> None:
    count = 20_000
    columns = index_schema()
    values = {"image_id": [str(number) for number in range(count)], "path": [""] * count}
    table = pa.table({name: values.get(name, [None] * count) for name in columns.names}, columns)
    run = Run.of_images(ProposalSettings(), values["image_id"])
    shards.write_index(tmp_path, Header(run, (), "test", count), [table])
    assert (tmp_path / "_index").stat().st_size < 8 * count
    parquet.write_table(table.slice(0, 0), shards.shard_path(tmp_path, 0))  # is not looked at
    with ProposalFile(tmp_path) as file:
        assert len(file) == count
