"""The finished parts of a file of proposals, kept until all are there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from foundation.files import whole_file
from proposals.storage.header import Header, ProposalFileError, Run, package_version
from proposals.storage.parquet import (
    ImageRow,
    RowGroup,
    damage_told,
    open_parquet,
    schema,
    to_table,
    with_sources,
)


class Picture(NamedTuple):
    """A picture to propose boxes for."""

    image_id: str
    path: str


class Parts:
    """A folder beside the file to be, with one small file for so many pictures each.

    Parameters
    ----------
    path : Path
        Of the file to be.
    run : Run
    pictures : sequence of Picture
    size : int
        Pictures in a part, which becomes a row group.
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

    def missing(self) -> list[int]:
        """Return the parts that are not there whole.

        Raises
        ------
        ProposalFileError
            If a part of another run is there.
        """
        return [part for part in range(len(self)) if not self._is_whole(part)]

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
        path = self._part_path(part)
        file, header = open_parquet(path)
        with file, damage_told(path):
            table = file.read(use_threads=False)
            RowGroup(table)
        return table, header

    def _part_path(self, part: int) -> Path:
        return self.folder / f"{part:06}.parquet"

    def write(self, part: int, rows: Sequence[ImageRow]) -> None:
        """Write a part whole."""
        table = to_table(rows, self._run)
        with (
            whole_file(self._part_path(part)) as temporary,
            _writer(temporary, table.schema) as writer,
        ):
            writer.write_table(table)

    def stitch(self) -> None:
        """Make the file of all parts, a row group each, and remove them."""
        sources = tuple(dict.fromkeys(n for h in self._headers() for n in h.sources))
        header = Header(self._run, sources, package_version())
        target = self.folder / "whole"
        self.folder.mkdir(parents=True, exist_ok=True)
        with _writer(target, schema().with_metadata(header.to_metadata())) as writer:
            for part in range(len(self)):
                table, own = self._read(part)
                writer.write_table(with_sources(table, own.sources, sources))
        target.replace(self._path)
        self.remove()

    def _headers(self) -> Iterator[Header]:
        for part in range(len(self)):
            file, header = open_parquet(self._part_path(part))
            file.close()
            yield header

    def remove(self) -> None:
        """Remove all parts that there are."""
        if self.folder.exists():
            shutil.rmtree(self.folder)


def _writer(path: Path, columns: Any) -> Any:  # noqa: ANN401 - of pyarrow
    from pyarrow import parquet

    return parquet.ParquetWriter(path, columns, compression="zstd", write_page_checksum=True)
