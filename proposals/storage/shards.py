"""Where the proposals of a `ProposalFile` stand: in one Parquet file, or in a folder of them.

A folder holds shards, ``000000.parquet`` and so on, and ``_index``, a Parquet file of all columns
but the boxes; readers of folders pass over names that begin so. All shards but the last hold
the same number of images, so that an image's place among all says where it stands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, Protocol

from foundation.files import whole_file
from proposals.result import Proposals
from proposals.storage.header import Header, ProposalFileError
from proposals.storage.parquet import RowGroup, damage_told, index_schema, open_parquet

INDEX: Final = "_index"
"""Name of the file in a folder that says that it is complete."""

_ONE_FILE = ".parquet"
_OPEN_SHARDS = 128  # some 400 KB of memory and one of the process's open files each


class Source(Protocol):
    """What holds the images of a `ProposalFile`, each in a row."""

    header: Header

    def columns(self, *names: str) -> list[list[Any]]:
        """Return the values of some of the `INDEX_COLUMNS` for all images."""

    def proposals(self, row: int, image_id: str) -> Proposals:
        """Return the proposals of the image in a row; `ProposalFileError` if it is another."""

    def close(self) -> None:
        """Close all files."""


def is_one_file(path: Path) -> bool:
    """Tell whether proposals that are written to ``path`` become one file, by its name."""
    return path.suffix.lower() == _ONE_FILE


def shard_path(folder: Path, number: int) -> Path:
    """Return the path of a shard, counted from 0."""
    return folder / f"{number:06}{_ONE_FILE}"


def write_index(folder: Path, header: Header, tables: Sequence[Any]) -> None:
    """Write the index of a folder whose shards have these tables of `INDEX_COLUMNS`."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.concat_tables([index_schema().empty_table(), *tables])
    table = table.replace_schema_metadata(header.to_metadata())
    with whole_file(folder / INDEX) as temporary:
        parquet.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def open_source(path: Path) -> Source:
    """Open a file of proposals, or a folder of them.

    Raises
    ------
    ProposalFileError
        If it is missing, not complete, damaged, or something else.
    """
    if path.is_dir():
        return ShardFolder(path)
    if not path.exists() and path.with_name(f"{path.name}.parts").is_dir():
        raise ProposalFileError(
            f"{path}: is not complete yet; rerun the command that makes it to resume"
        )
    return OneFile(path)


class OneFile:
    """One Parquet file, which may be a shard.

    The last row group is kept, so that going through the images in order reads each once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file, self.header = open_parquet(path)
        metadata = self._file.metadata
        rows = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        self._ends = list(accumulate(rows))
        self._kept: tuple[int, RowGroup] | None = None

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def columns(self, *names: str) -> list[list[Any]]:
        """Return the values of some columns for all images."""
        return _columns(self._file, names, self._path)

    def proposals(self, row: int, image_id: str) -> Proposals:
        """Return the proposals of the image in a row."""
        group = bisect_right(self._ends, row)
        start = self._ends[group - 1] if group else 0
        with damage_told(self._path):
            found = self._row_group(group)
            return found.proposals(row - start, image_id, self.header.sources)

    def _row_group(self, group: int) -> RowGroup:
        if self._kept is None or self._kept[0] != group:
            self._kept = None  # so that never two are in memory
            columns = list(RowGroup.COLUMNS)
            table = self._file.read_row_group(group, columns, use_threads=False)
            self._kept = group, RowGroup(table)
        return self._kept[1]

    def forget(self) -> None:
        """Give back the memory of the row group that is kept."""
        self._kept = None

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _columns(file: Any, names: Sequence[str], path: Path) -> list[list[Any]]:  # noqa: ANN401
    with damage_told(path):
        table = file.read(list(names), use_threads=False)
        return [table[name].to_pylist() for name in names]


class ShardFolder:
    """A folder of shards with their index.

    Shards are opened as they are asked for; the last `_OPEN_SHARDS` stay open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index_path = path / INDEX
        if not self._index_path.is_file():
            raise ProposalFileError(
                f"{path}: a folder without the file {INDEX}, so not one of proposals, or not"
                " complete; give one that inception-rcnn propose wrote"
            )
        self._index, self.header = open_parquet(self._index_path, index_schema())
        self._open: OrderedDict[int, OneFile] = OrderedDict()
        self._last: OneFile | None = None
        try:
            self._shard_images = self._checked_size()
        except BaseException:
            self._index.close()
            raise

    def _checked_size(self) -> int:
        """Return how many images a shard holds; refuse a folder that lacks one."""
        size, count = self.header.shard_images, self.header.run.image_count
        if size is None or size < 1:
            raise ProposalFileError(
                f"{self._index_path}: does not say how many images a shard holds; make the folder"
                " anew with inception-rcnn propose"
            )
        there = {entry.name for entry in self._path.iterdir()}
        paths = (shard_path(self._path, number) for number in range(-(-count // size)))
        missing = next((path for path in paths if path.name not in there), None)
        if missing is not None:
            raise ProposalFileError(
                f"{missing}: is missing; fetch it again, or make the folder anew with"
                " inception-rcnn propose"
            )
        return size

    def columns(self, *names: str) -> list[list[Any]]:
        """Return the values of some columns of the index."""
        return _columns(self._index, names, self._index_path)

    def proposals(self, row: int, image_id: str) -> Proposals:
        """Return the proposals of the image in a row of the index."""
        number, row_there = divmod(row, self._shard_images)
        shard = self._shard(number)
        if self._last is not None and self._last is not shard:
            self._last.forget()
        self._last = shard
        return shard.proposals(row_there, image_id)

    def _shard(self, number: int) -> OneFile:
        if number not in self._open:
            while len(self._open) >= _OPEN_SHARDS:
                self._open.popitem(last=False)[1].close()
            self._open[number] = self._opened(number)
        self._open.move_to_end(number)
        return self._open[number]

    def _opened(self, number: int) -> OneFile:
        with damage_told(self._path):
            if self._index.closed:
                raise ValueError("the folder was closed before")
        shard = OneFile(shard_path(self._path, number))
        first = number * self._shard_images
        expected = min(self._shard_images, self.header.run.image_count - first)
        if shard.header.run != self.header.run or len(shard) != expected:
            shard.close()
            raise ProposalFileError(
                f"{shard_path(self._path, number)}: is not of the same run as"
                f" {self._index_path.name}; make the folder anew with inception-rcnn propose"
            )
        return shard

    def close(self) -> None:
        """Close the index and all shards."""
        self._index.close()
        for shard in self._open.values():
            shard.close()
        self._open.clear()
