from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from proposals import ProposalFile, ProposalFileError, Proposals
from proposals.storage.header import ProposalSettings, Run
from proposals.storage.parquet import ImageRow
from proposals.storage.parts import Parts, Picture

SETTINGS = ProposalSettings(generator="stub", seed=3, max_boxes=9, min_side=5)
NONE = Proposals.of_one_source(np.zeros((0, 4)), (8, 10), "a")
ONE = Proposals.of_one_source([[1, 2, 3, 4.5]], (8, 10), "b", scores=[0.25])
TWO = Proposals(
    boxes_xyxy=np.array([[0, 0, 4, 4], [2, 2, 10, 8]], np.float32),
    scores=np.array([2, 1], np.float32),
    image_size=(9, 11),
    sources=("b", "c"),
    source_indices=np.array([1, 0], np.uint8),
    ranks=np.array([5, 7], np.int32),
)
ROWS = [
    ImageRow("none", "x/none.jpg", NONE),
    ImageRow("one", "x/one.jpg", ONE),
    ImageRow("bad", "x/bad.jpg", "x/bad.jpg: no picture"),
    ImageRow("sub/two", "x/two.jpg", TWO),
    ImageRow("ä", "y/one.jpg", ONE),
]


def write(path: Path, rows: Sequence[ImageRow], size: int = 2) -> Path:
    """Write rows as the tool does, so many a row group."""
    pictures = [Picture(row.image_id, row.path) for row in rows]
    run = Run.of_images(SETTINGS, [row.image_id for row in rows])
    parts = Parts(path, run, pictures, size)
    for part in range(len(parts)):
        parts.write(part, rows[part * size : (part + 1) * size])
    parts.finish()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "boxes.parquet", ROWS)


def assert_same(found: Proposals, expected: Proposals) -> None:
    np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.ranks, expected.ranks)
    assert found.source_names() == expected.source_names()
    assert found.image_size == expected.image_size


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS[2:3], ROWS])
def test_proposals_come_back_as_they_were_written(
    rows: list[ImageRow], size: int, tmp_path: Path
) -> None:
    expected = {row.image_id: row.result for row in rows if not isinstance(row.result, str)}
    with ProposalFile(write(tmp_path / "boxes.parquet", rows, size)) as file:
        assert list(file) == list(expected)
        assert len(file) == len(expected)
        assert all(image_id in file for image_id in expected)
        assert file.settings == SETTINGS
        assert file.skipped == {
            row.image_id: row.result for row in rows if isinstance(row.result, str)
        }
        for image_id in reversed(expected):
            assert_same(file[image_id], expected[image_id])
    assert [entry.name for entry in tmp_path.iterdir()] == ["boxes.parquet"]


def test_other_programs_find_what_the_description_says(path: Path) -> None:
    table = parquet.read_table(path)
    assert table.column_names == [
        *("image_id", "path", "width", "height", "boxes_xyxy"),
        *("scores", "sources", "ranks", "error"),
    ]
    rows = table.to_pylist()
    header = json.loads(table.schema.metadata[b"proposals"])
    assert header["settings"] == {
        "generator": "stub", "seed": 3, "max_boxes": 9, "min_side": 5,
    }  # fmt: skip
    assert header["sources"] == ["a", "b", "c"]
    assert header["images"]["count"] == 5
    assert rows[3] == {
        "image_id": "sub/two",
        "path": "x/two.jpg",
        "width": 11,
        "height": 9,
        "boxes_xyxy": [[0, 0, 4, 4], [2, 2, 10, 8]],
        "scores": [2, 1],
        "sources": [2, 1],
        "ranks": [5, 7],
        "error": None,
    }
    assert (rows[2]["width"], rows[2]["boxes_xyxy"]) == (None, [])
    assert rows[2]["error"] == "x/bad.jpg: no picture"


@pytest.fixture
def groups_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list of the row groups that are read from now on."""
    read: list[int] = []
    original = parquet.ParquetFile.read_row_group

    def spy(self: Any, group: int, *arguments: Any, **options: Any) -> Any:
        read.append(group)
        return original(self, group, *arguments, **options)

    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", spy)
    return read


def test_an_image_costs_its_row_group_only_and_the_last_one_is_kept(
    path: Path, groups_read: list[int]
) -> None:
    with ProposalFile(path) as file:
        assert groups_read == []
        _ = file["ä"]
        assert groups_read == [2]
        for image_id in file:
            _ = file[image_id]
        assert groups_read == [2, 0, 1, 2]


def test_opening_reads_no_boxes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns: list[Any] = []
    original = parquet.ParquetFile.read

    def spy(self: Any, names: Any = None, **options: Any) -> Any:
        columns.append(names)
        return original(self, names, **options)

    monkeypatch.setattr(parquet.ParquetFile, "read", spy)
    ProposalFile(path).close()
    assert columns == [["image_id", "error"]]


def test_an_images_boxes_do_not_keep_those_of_others_in_memory(path: Path) -> None:
    with ProposalFile(path) as file:
        assert file["one"].boxes_xyxy.base is None


def test_threads_get_what_one_thread_gets(path: Path) -> None:
    expected = {row.image_id: row.result for row in ROWS if not isinstance(row.result, str)}
    with ProposalFile(path) as file, ThreadPoolExecutor(4) as pool:
        asked = [*expected] * 25
        for image_id, found in zip(asked, pool.map(file.__getitem__, asked), strict=True):
            assert_same(found, expected[image_id])


def test_images_that_are_not_there_are_told_with_a_remedy(path: Path) -> None:
    with ProposalFile(path) as file:
        assert "bad" not in file
        with pytest.raises(ProposalFileError, match=r"'bad' was skipped .*no picture.*anew"):
            _ = file["bad"]
        with pytest.raises(ProposalFileError, match=r"no proposals of 'cow'; make .*-rcnn propose"):
            _ = file["cow"]
        assert_same(file.for_image("one", (8, 10)), ONE)
        with pytest.raises(ProposalFileError, match="picture of 10 x 8 there, but of 8 x 10 here"):
            file.for_image("one", (10, 8))


def test_images_are_found_by_path_and_else_by_a_name_that_only_one_has(path: Path) -> None:
    with ProposalFile(path) as file:
        assert file.id_of_path("y/one.jpg") == "ä"
        assert file.id_of_path(Path("x") / "." / "two.jpg") == "sub/two"
        assert file.id_of_path("/elsewhere/two.jpg") == "sub/two"
        assert file.id_of_path("/elsewhere/cow.jpg") == "/elsewhere/cow.jpg"
        with pytest.raises(ProposalFileError, match=r"2 images are called 'one\.jpg'"):
            file.id_of_path("one.jpg")


def changed(path: Path, **columns: Any) -> None:
    """Write the file again with other contents of some columns."""
    table = parquet.read_table(path)
    for name, values in columns.items():
        field = table.schema.field(name)
        index = table.schema.get_field_index(name)
        table = table.set_column(index, field, pa.array(values, field.type))
    parquet.write_table(table, path, row_group_size=2)


def new_header(path: Path, **content: Any) -> None:
    table = parquet.read_table(path)
    header = json.loads(table.schema.metadata[b"proposals"]) | content
    parquet.write_table(table.replace_schema_metadata({"proposals": json.dumps(header)}), path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b""), r"damaged, or not Parquet \(.*; make it anew"),
        (lambda path: path.write_bytes(b"text" * 99), "damaged, or not Parquet .*; make it anew"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "damaged, or not Parquet"),
        (lambda path: path.unlink(), r"there is no such file; make it with inception-rcnn propose"),
        (
            lambda path: parquet.write_table(pa.table({"image_id": ["a"]}), path),
            "Parquet, but not of proposals; give a file",
        ),
        (lambda path: new_header(path, version=2), "version 2, but .*, version 1, is read; make"),
        (lambda path: new_header(path, settings=3), "not of proposals"),
        (
            lambda path: parquet.write_table(
                parquet.read_table(path).drop_columns(["ranks"]), path
            ),
            "columns are not those of proposals; make it anew",
        ),
        (
            lambda path: parquet.write_table(parquet.read_table(path).slice(1), path),
            "must hold 5 images, each once",
        ),
        (
            lambda path: changed(path, image_id=["none", "one", "bad", "one", "ä"]),
            "must hold 5 images, each once",
        ),
    ],
)
def test_files_that_cannot_be_used_are_one_line_when_they_are_opened(
    spoil: Callable[[Path], object], message: str, path: Path
) -> None:
    spoil(path)
    with pytest.raises(ProposalFileError, match=message) as refused:
        ProposalFile(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "columns",
    [
        {"boxes_xyxy": [[], [[1, 2, np.nan, 4]], [], [], []]},
        {"boxes_xyxy": [[], [[1, 2, 3, 99]], [], [], []]},
        {"boxes_xyxy": [[], [], [], [], []]},
        {"scores": [[], [np.nan], [], [], []]},
        {"sources": [[], [9], [], [], []]},
        {"ranks": [[], [0, 1], [], [], []]},
        {"width": [None, None, None, None, None]},
    ],
)
def test_boxes_that_are_none_are_refused_when_they_are_read(
    columns: dict[str, Any], path: Path
) -> None:
    changed(path, **columns)
    with ProposalFile(path) as file, pytest.raises(ProposalFileError, match="make it anew"):
        _ = file["one"]


def test_a_small_file_cannot_claim_many_images_or_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 100_000
    path = write(tmp_path / "boxes.parquet", ROWS[:1])
    table = parquet.read_table(path)
    whole = table.take(pa.array(np.zeros(many, np.int64)))
    parquet.write_table(whole, path, compression="zstd")
    assert path.stat().st_size < many
    with pytest.raises(ProposalFileError, match=r"claims 100000 images, and up to .* cannot hold"):
        ProposalFile(path)
    write(path, ROWS)
    monkeypatch.setattr("proposals.storage.parquet._MOST_CORNERS", 11)
    ProposalFile(write(path, ROWS)).close()  # no group has more than three boxes
    monkeypatch.setattr("proposals.storage.parquet._MOST_CORNERS", 7)
    with pytest.raises(ProposalFileError, match="up to 2 boxes in a group"):
        ProposalFile(path)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[1]",
        '{"format": "\x1b[2J", "version": [1]}',
        (
            '{"format": "inception-rcnn proposals", "version": 1, "settings": {},'
            ' "images": {"count": Infinity, "sha256": ""}, "sources": [], "package": ""}'
        ),
    ],
)  # fmt: skip
def test_a_header_that_is_none_is_refused_in_one_line(path: Path, text: str) -> None:
    table = parquet.read_table(path)
    parquet.write_table(table.replace_schema_metadata({"proposals": text}), path)
    with pytest.raises(ProposalFileError, match=r"boxes\.parquet: ") as caught:
        ProposalFile(path)
    assert str(caught.value).isprintable()


def test_a_changed_byte_never_gives_other_boxes(path: Path) -> None:
    whole = path.read_bytes()
    with ProposalFile(path) as file:
        expected = {image_id: file[image_id] for image_id in file}
    end_of_data = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(0, end_of_data, 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        try:
            with ProposalFile(path) as file:
                for image_id in file:
                    assert_same(file[image_id], expected[image_id])
        except ProposalFileError:
            pass


def test_importing_the_package_does_not_load_pyarrow() -> None:
    program = "import sys, proposals.storage.batch; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
