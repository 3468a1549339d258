"""The finished parts of a file or folder of proposals, kept until all are there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from foundation.files import whole_file
from foundation.prefetch import ordered_map
from proposals.storage.header import Header, ProposalFileError, Run, package_version
from proposals.storage.parquet import (
    INDEX_COLUMNS,
    ImageRow,
    RowGroup,
    damage_told,
    open_parquet,
    parquet_writer,
    to_table,
    with_sources,
)
from proposals.storage.shards import INDEX, is_one_file, shard_path, write_index


class Picture(NamedTuple):
    """A picture to propose boxes for."""

    image_id: str
    path: str


class Parts:
    """A folder beside the file or folder to be, with one small file for so many pictures each.

    Parameters
    ----------
    path : Path
        Of the file or folder to be; `is_one_file` says which.
    run : Run
    pictures : sequence of Picture
    size : int
        Pictures in a part, which becomes a shard of a folder.
    """

    def __init__(self, path: Path, run: Run, pictures: Sequence[Picture], size: int) -> None:
        self.folder = path.with_name(f"{path.name}.parts")
        self._path = path
        self._run = run
        self._pictures = pictures
        self._size = size

    def __len__(self) -> int:
        return -(-len(self._pictures) // self._size)

    def pictures(self, part: int) -> Sequence[Picture]:
        """Return the pictures of one part."""
        return self._pictures[part * self._size : (part + 1) * self._size]

    def missing(self, workers: int) -> list[int]:
        """Return the parts that are not there whole, looked at by so many threads.

        Raises
        ------
        ProposalFileError
            If a part of another run is there.
        """
        whole = ordered_map(self._is_whole, range(len(self)), workers)
        return [part for part, is_whole in enumerate(whole) if not is_whole]

    def _is_whole(self, part: int) -> bool:
        path = self._part_path(part)
        try:
            table, header = self._read(part)
        except ProposalFileError:
            return False
        if difference := header.run.difference(self._run):
            raise ProposalFileError(
                f"{path}: begun with {difference}; go on with that, or start anew by --overwrite"
            )
        image_ids: list[str] = table["image_id"].to_pylist()
        return image_ids == [picture.image_id for picture in self.pictures(part)]

    def _read(self, part: int) -> tuple[Any, Header]:
        """Return a part as a table, all of it checked, and its header."""
        table, header = self._columns(part, None)
        with damage_told(self._part_path(part)):
            RowGroup(table)
        return table, header

    def _columns(self, part: int, names: Sequence[str] | None) -> tuple[Any, Header]:
        """Return some columns of a part, or all, as a table, and its header."""
        path = self._part_path(part)
        file, header = open_parquet(path)
        with file, damage_told(path):
            return file.read(names, use_threads=False), header

    def _part_path(self, part: int) -> Path:
        return shard_path(self.folder, part)

    def write(self, part: int, rows: Sequence[ImageRow]) -> None:
        """Write a part whole."""
        self._write_table(part, *to_table(rows))

    def finish(self) -> None:
        """Put the file or folder of all parts in its place.

        Of a file the parts are copied and removed; a folder is that of the parts itself, with an
        index. Either is there in one step, when all else is done.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if is_one_file(self._path):
            self._stitch()
        else:
            self._add_index()
            self.folder.rename(self._path)

    def _stitch(self) -> None:
        header = Header(self._run, _joined(self._headers()), package_version())
        target = self.folder / "whole"
        with parquet_writer(target, header) as write:
            for part in range(len(self)):
                table, own = self._read(part)
                write(with_sources(table, own.sources, header.sources))
        target.replace(self._path)
        self.remove()

    def _headers(self) -> Iterator[Header]:
        for part in range(len(self)):
            file, header = open_parquet(self._part_path(part))
            file.close()
            yield header

    def _add_index(self) -> None:
        parts = [self._columns(part, INDEX_COLUMNS) for part in range(len(self))]
        sources = _joined(header for _, header in parts)
        for part, (_, own) in enumerate(parts):
            if own.sources != sources[: len(own.sources)]:
                table = with_sources(self._read(part)[0], own.sources, sources)
                self._write_table(part, table, sources)
        header = Header(self._run, sources, package_version(), self._size)
        write_index(self.folder, header, [table for table, _ in parts])
        shards = {self._part_path(part).name for part in range(len(self))}
        for entry in self.folder.iterdir():
            if entry.name not in {INDEX, *shards}:  # half-written by a run that was killed
                entry.unlink()

    def _write_table(self, part: int, table: Any, sources: Sequence[str]) -> None:  # noqa: ANN401
        header = Header(self._run, tuple(sources), package_version())
        with whole_file(self._part_path(part)) as path, parquet_writer(path, header) as write:
            write(table)

    def remove(self) -> None:
        """Remove all parts that there are."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def remove_all(self) -> None:
        """Remove the parts, and the file or folder that was made of such."""
        self.remove()
        if self._path.is_dir():  # whose shards are parts again before the first of them is gone
            self._path.rename(self.folder)
            self.remove()
        else:
            self._path.unlink(missing_ok=True)


def _joined(headers: Iterable[Header]) -> tuple[str, ...]:
    """Return the sources of all headers, each once."""
    return tuple(dict.fromkeys(name for header in headers for name in header.sources))
