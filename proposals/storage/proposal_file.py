"""Proposals of many images in Parquet, read an image at a time.

`ProposalFile` reads them; ``inception-rcnn propose`` and
`proposals.storage.batch.propose_to_file` write them: one file where the name ends in ``.parquet``,
else a folder of such files. One row is one image:

============  ==================================  ===========================================
column        type                                holds
============  ==================================  ===========================================
image_id      string                              name of the image, unique in the file
path          string                              where the picture was
width         int32 or null                       pixels of the upright picture
height        int32 or null
boxes_xyxy    list<fixed_size_list<float32, 4>>   x1, y1, x2, y2 in pixels, x2 and y2
                                                  outside; best first
scores        list<float32>                       one a box, descending
sources       list<uint8>                         which generator gave the box: an index into
                                                  "sources" of the metadata
ranks         list<int32>                         place of the box with that generator, from 0
error         string or null                      why the picture could not be read; such a
                                                  row has no boxes and no size
============  ==================================  ===========================================

The file's metadata hold JSON under the key ``proposals``::

    {"format": "inception-rcnn proposals", "version": 1,
     "settings": {"generator": "doubled", "seed": 0, "max_boxes": null},
     "images": {"count": 270, "sha256": "..."},
     "sources": ["selective_search"], "package": "inception-rcnn 0.1.0"}

where sha256 is that of all image ids in their order, a zero byte after each. Row groups are of two
images, and pages carry checksums.

A file suits some ten thousand images, a folder any number: no shard is copied when it is made, and
what is read when it is opened does not grow with the boxes. It holds:

``000000.parquet``, ``000001.parquet`` ...
    Shards: files as above, of 128 images each but the last. Their metadata are those of the whole
    run; "sources" may lack names at its end that the shard has no boxes of.
``_index``
    A Parquet file of the columns image_id, path, width, height and error of all images, in the
    order of the shards. Its metadata are those of a file, with all "sources", and
    "shard_images": 128.

Other programs read either as any Parquet; a folder by its name, or by a pattern::

    pandas.read_parquet("boxes", columns=["image_id", "boxes_xyxy"])
    polars.scan_parquet("boxes/*.parquet").filter(polars.col("error").is_not_null()).collect()
    duckdb.sql("select image_id, len(boxes_xyxy) from 'boxes/*.parquet' where error is null")

Here::

    with ProposalFile("boxes") as file:
        for image_id in file:
            boxes_xyxy = file[image_id].boxes_xyxy  # (N, 4)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import Self

from proposals.result import Proposals
from proposals.storage.header import ProposalFileError, ProposalSettings
from proposals.storage.parquet import valid_unicode
from proposals.storage.shards import open_source

__all__ = ["ProposalFile", "ProposalFileError"]


class ProposalFile:
    """The proposals of many images, read from a file or a folder as they are asked for.

    Opening reads only the columns of ids and errors; asking for an image reads the row group
    it stands in, in any order. The last row group is kept, so going through the images in the
    file's order reads each once, and memory does not grow. May be used from several threads. It can
    be pickled: another process opens the same path anew.

    Parameters
    ----------
    path : str or Path
        Of a file, or of a folder of shards.

    Attributes
    ----------
    path : Path
    settings : ProposalSettings
        What the boxes were made with.
    skipped : mapping of str to str
        Why an image has no proposals, by image id.

    Raises
    ------
    ProposalFileError
        If the file or a shard is missing, or it is not complete, truncated, not Parquet, or of
        another schema or version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._source = open_source(self.path)
        self.settings: ProposalSettings = self._source.header.run.settings
        self._lock = Lock()
        try:
            self._read_index(self._source.header.run.image_count)
        except BaseException:
            self._source.close()
            raise

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        return type(self), (self.path.absolute(),)  # a worker may stand in another folder

    def _read_index(self, image_count: int) -> None:
        image_ids, errors = self._source.columns("image_id", "error")
        skipped = {i: e for i, e in zip(image_ids, errors, strict=True) if e is not None}
        self.skipped: Mapping[str, str] = MappingProxyType(skipped)
        self._row_of = {i: row for row, i in enumerate(image_ids) if i not in skipped}
        if not len(image_ids) == len(self._row_of) + len(skipped) == image_count:
            raise ProposalFileError(
                f"{self.path}: must hold {image_count} images, each once, but does not; make it"
                " anew with inception-rcnn propose, or give the folder if it is a shard of one"
            )

    def __len__(self) -> int:
        """Return the number of images that have proposals."""
        return len(self._row_of)

    def __iter__(self) -> Iterator[str]:
        """Give the ids of the images that have proposals, in the order of the file."""
        return iter(self._row_of)

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._row_of

    def __getitem__(self, image_id: str) -> Proposals:
        """Return the proposals of an image.

        Raises
        ------
        ProposalFileError
            If the file has none of it, or is damaged there.
        """
        if image_id in self.skipped:
            raise ProposalFileError(
                f"{self.path}: '{image_id}' was skipped when it was made"
                f" ({self.skipped[image_id]}); mend that and make the file anew"
            )
        if image_id not in self._row_of:
            raise ProposalFileError(
                f"{self.path}: holds no proposals of '{image_id}'; make a file of these images"
                " with inception-rcnn propose"
            )
        with self._lock:
            return self._source.proposals(self._row_of[image_id], image_id)

    def for_image(self, image_id: str, image_size: tuple[int, int]) -> Proposals:
        """Return the proposals of an image whose (height, width) is known.

        Raises
        ------
        ProposalFileError
            As from ``file[image_id]``; and if they are of a picture of another size.
        """
        found = self[image_id]
        if found.image_size != tuple(image_size):
            height, width = image_size
            raise ProposalFileError(
                f"{self.path}: '{image_id}' is a picture of {found.image_size[1]} x"
                f" {found.image_size[0]} there, but of {width} x {height} here; make the file"
                " anew with inception-rcnn propose"
            )
        return found

    def id_of_path(self, path: str | Path) -> str:
        """Return the id of the image with that path in the file, or else with that file name.

        A path that is not in the file is returned as the id that it would have.

        Raises
        ------
        ProposalFileError
            If only the file name is in the file, and several images have it.
        """
        text = valid_unicode(Path(path).as_posix())
        ids_by_path, ids_by_name = self._ids
        if text in ids_by_path:
            return ids_by_path[text]
        ids = ids_by_name.get(_name(text), [text])
        if len(ids) > 1:
            raise ProposalFileError(
                f"{self.path}: {len(ids)} images are called '{_name(text)}' there, and none has"
                f" the path '{text}'; give the path that the file was made with"
            )
        return ids[0]

    @cached_property
    def _ids(self) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Image ids by path and by file name."""
        with self._lock:
            image_ids, paths = self._source.columns("image_id", "path")
        ids_by_name: dict[str, list[str]] = {}
        for image_id, path in zip(image_ids, paths, strict=True):
            ids_by_name.setdefault(_name(path), []).append(image_id)
        return dict(zip(paths, image_ids, strict=True)), ids_by_name

    def close(self) -> None:
        """Close the file; nothing can be read from it afterwards."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _name(path: str) -> str:
    return path.rpartition("/")[2]
