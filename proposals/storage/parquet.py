"""Columns of a file of proposals, and its rows from arrays and to arrays.

What reader and writer share; `proposals.storage.proposal_file` describes the format for users.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.spelling import one_line
from proposals.result import Proposals
from proposals.storage.header import Header, ProposalFileError

# pyarrow carries no annotations and is heavy: its objects are Any, its imports in functions.


INDEX_COLUMNS: Final = ("image_id", "path", "width", "height", "error")
"""What an index of several files holds: all but the boxes."""

_GROUP_IMAGES = 2  # a row group, which is what one image's boxes cost to read
_BOXES = 4  # place of the boxes among the columns
_MOST_CORNERS = 1 << 28  # in a group of images: a gigabyte; thirty images of 2,000 boxes are a MB


class ImageRow(NamedTuple):
    """One image: its proposals, or why it has none."""

    image_id: str
    path: str
    result: Proposals | str


def schema() -> Any:  # noqa: ANN401 - a pyarrow.Schema
    """Return the columns. Only ``width``, ``height`` and ``error`` may be null."""
    import pyarrow as pa

    def needed(name: str, kind: object) -> object:
        return pa.field(name, kind, nullable=False)

    def many(kind: object) -> object:
        return pa.list_(needed("element", kind))

    return pa.schema(
        [
            needed("image_id", pa.string()),
            needed("path", pa.string()),
            pa.field("width", pa.int32()),
            pa.field("height", pa.int32()),
            needed("boxes_xyxy", many(pa.list_(needed("element", pa.float32()), 4))),
            needed("scores", many(pa.float32())),
            needed("sources", many(pa.uint8())),
            needed("ranks", many(pa.int32())),
            pa.field("error", pa.string()),
        ]
    )


def index_schema() -> Any:  # noqa: ANN401 - a pyarrow.Schema
    """Return the columns of an index."""
    import pyarrow as pa

    return pa.schema([schema().field(name) for name in INDEX_COLUMNS])


def to_table(rows: Sequence[ImageRow]) -> tuple[Any, tuple[str, ...]]:
    """Return the rows as a ``pyarrow.Table``, and the sources that occur in them."""
    import pyarrow as pa

    found = [None if isinstance(row.result, str) else row.result for row in rows]
    sources = tuple(dict.fromkeys(name for f in found if f is not None for name in f.sources))
    arrays = [
        pa.array([row.image_id for row in rows], pa.string()),
        pa.array([valid_unicode(row.path) for row in rows], pa.string()),
        pa.array([None if f is None else f.image_size[1] for f in found], pa.int32()),
        pa.array([None if f is None else f.image_size[0] for f in found], pa.int32()),
        *_list_arrays([f for f in found if f is not None], _counts(found), sources),
        pa.array([_error(row) for row in rows], pa.string()),
    ]
    return pa.Table.from_arrays(arrays, schema=schema()), sources


def _counts(found: Sequence[Proposals | None]) -> list[int]:
    return [0 if f is None else len(f) for f in found]


def _error(row: ImageRow) -> str | None:
    return valid_unicode(row.result) if isinstance(row.result, str) else None


def _list_arrays(
    found: Sequence[Proposals], counts: Sequence[int], sources: Sequence[str]
) -> list[Any]:
    """Return boxes, scores, sources and ranks as arrays of one list an image."""
    import pyarrow as pa

    columns = schema()

    def joined(parts: list[NDArray[Any]], dtype: type) -> Any:  # noqa: ANN401 - of pyarrow
        return pa.array(np.concatenate([np.zeros(0, dtype), *parts]))

    boxes = pa.FixedSizeListArray.from_arrays(
        joined([f.boxes_xyxy.ravel() for f in found], np.float32),
        type=columns.field("boxes_xyxy").type.value_type,
    )
    values = {
        "boxes_xyxy": boxes,
        "scores": joined([f.scores for f in found], np.float32),
        "sources": joined([places(f.sources, sources)[f.source_indices] for f in found], np.uint8),
        "ranks": joined([f.ranks for f in found], np.int32),
    }
    offsets = pa.array(np.cumsum([0, *counts]), pa.int32())
    return [
        pa.ListArray.from_arrays(offsets, array, type=columns.field(name).type)
        for name, array in values.items()
    ]


def valid_unicode(text: str) -> str:
    """Return a text that UTF-8 can hold, which names of files need not be."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def places(names: Sequence[str], among: Sequence[str]) -> NDArray[np.uint8]:
    """Return where each of ``names`` stands in ``among``."""
    return np.array([among.index(name) for name in names], dtype=np.uint8)


def with_sources(table: Any, old: Sequence[str], new: Sequence[str]) -> Any:  # noqa: ANN401
    """Return a table whose sources point into ``new`` instead of ``old``."""
    import pyarrow as pa

    if tuple(new[: len(old)]) == tuple(old):
        return table
    lists = table["sources"].combine_chunks()
    moved = pa.array(places(old, new)[lists.values.to_numpy()])
    column = pa.ListArray.from_arrays(lists.offsets, moved, type=lists.type)
    index = table.schema.get_field_index("sources")
    return table.set_column(index, table.schema.field(index), column)


@contextmanager
def parquet_writer(path: Path, header: Header) -> Iterator[Callable[[Any], None]]:
    """Give what appends a table of `schema` to the file of proposals ``path``."""
    from pyarrow import parquet

    # Dictionaries are longer than what they stand for in row groups as small as these.
    columns = schema().with_metadata(header.to_metadata())
    with parquet.ParquetWriter(
        path, columns, compression="zstd", use_dictionary=False, write_statistics=["image_id"],
        write_page_checksum=True,
    ) as writer:  # fmt: skip
        yield lambda table: writer.write_table(table, row_group_size=_GROUP_IMAGES)


def open_parquet(path: Path, columns: Any = None) -> tuple[Any, Header]:  # noqa: ANN401
    """Open a file of proposals: the ``pyarrow.parquet.ParquetFile`` and its header.

    Parameters
    ----------
    path : Path
    columns : pyarrow.Schema, optional
        That the file must have; `schema` when left out.

    Raises
    ------
    ProposalFileError
        If it is missing, truncated, not Parquet, or of another schema or version.
    """
    if not path.is_file():
        raise ProposalFileError(
            f"{path}: there is no such file; make it with inception-rcnn propose"
        )
    from pyarrow import parquet

    with damage_told(path):
        file = parquet.ParquetFile(path, page_checksum_verification=True)
    try:
        header = _checked_header(file, path, schema() if columns is None else columns)
        _check_claims(file.metadata, path)
    except BaseException:
        file.close()
        raise
    return file, header


def _checked_header(file: Any, path: Path, columns: Any) -> Header:  # noqa: ANN401 - of pyarrow
    header = Header.from_metadata(file.metadata.metadata, path)
    if not file.schema_arrow.remove_metadata().equals(columns):
        raise ProposalFileError(
            f"{path}: its columns are not those of proposals; make it anew with inception-rcnn"
            " propose"
        )
    return header


def _check_claims(metadata: Any, path: Path) -> None:  # noqa: ANN401 - of pyarrow
    """Refuse a file that claims more than can stand in it, before memory is asked for.

    Runs of one value take no room in Parquet: a billion images may be claimed in a kilobyte.
    """
    groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
    corners = max((group.column(_BOXES).num_values for group in groups), default=0)
    if metadata.num_rows > path.stat().st_size or corners > _MOST_CORNERS:
        raise ProposalFileError(
            f"{path}: claims {metadata.num_rows} images, and up to {corners // 4} boxes in a group"
            " of them, which it cannot hold; make it anew with inception-rcnn propose"
        )


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn whatever pyarrow and numpy raise over damage of ``path`` into one error."""
    from pyarrow import ArrowException

    try:
        yield
    except ProposalFileError:
        raise
    except (OSError, ValueError, TypeError, IndexError, ArrowException) as error:
        raise ProposalFileError(
            f"{path}: damaged, or not Parquet ({one_line(error)}); make it anew with inception-rcnn"
            " propose"
        ) from None


@dataclass(frozen=True, eq=False)
class _Lists:
    """A column of one list an image."""

    offsets: NDArray[np.int32]  # (R + 1,)
    values: NDArray[Any]  # (M,) or (M, 4)

    def __getitem__(self, row: int) -> NDArray[Any]:
        # A copy: a view would keep the whole row group in memory.
        return self.values[self.offsets[row] : self.offsets[row + 1]].copy()


class RowGroup:
    """The proposals of the images of one row group.

    Parameters
    ----------
    table : pyarrow.Table
        Of the columns of `schema` that this class uses.

    Raises
    ------
    ValueError, pyarrow.ArrowException
        If it is damaged.
    """

    COLUMNS = ("image_id", "width", "height", "boxes_xyxy", "scores", "sources", "ranks")

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - a pyarrow.Table
        table.validate(full=True)
        self._image_ids = table["image_id"].to_pylist()
        self._widths, self._heights = table["width"].to_pylist(), table["height"].to_pylist()
        self._lists = {}
        for name in ("boxes_xyxy", "scores", "sources", "ranks"):
            column = table[name].combine_chunks()
            values = column.values.values if name == "boxes_xyxy" else column.values
            shape = (-1, 4) if name == "boxes_xyxy" else (-1,)
            # Not by to_numpy, which imports pandas where there is one.
            offsets: NDArray[Any] = np.from_dlpack(column.offsets)
            self._lists[name] = _Lists(offsets, np.from_dlpack(values).reshape(shape))

    def proposals(self, row: int, image_id: str, sources: tuple[str, ...]) -> Proposals:
        """Return the proposals of the image in a row.

        Raises
        ------
        ValueError
            If it is another image, or its proposals are damaged.
        """
        if self._image_ids[row] != image_id:
            raise ValueError(f"'{self._image_ids[row]}' stands in the place of '{image_id}'")
        if self._heights[row] is None or self._widths[row] is None:
            raise ValueError("an image without a size")
        return Proposals(
            boxes_xyxy=self._lists["boxes_xyxy"][row],
            scores=self._lists["scores"][row],
            image_size=(self._heights[row], self._widths[row]),
            sources=sources,
            source_indices=self._lists["sources"][row],
            ranks=self._lists["ranks"][row],
        )
