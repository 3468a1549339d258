"""The line from pictures to class scores, its stages at work at the same time.

While the network scores a batch, one thread warps the next batches and another reads and
proposes for the next images. Batches are filled across the borders of images. What waits is
bounded, so that memory does not grow with the number of images. An error that ends the line is
raised when all images that were finished before it are yielded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.engines.engine import Engine, Image, Piece, mean_scores
from foundation.prefetch import prefetched

_IMAGES_AHEAD = 2
_BATCHES_AHEAD = 3

Item = TypeVar("Item")


class Prepared(NamedTuple):
    """An image with the regions to score, or why there is none.

    Attributes
    ----------
    key : hashable
        Of the image, for the reader.
    image : (H, W, 3) uint8 array or None
        RGB; None where there is an error.
    boxes_xyxy : (R, 4) float32 array
        Regions with an area inside the image.
    error : Exception or None
    """

    key: Hashable
    image: NDArray[np.uint8] | None
    boxes_xyxy: NDArray[np.float32]
    error: Exception | None = None

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the image."""
        return (0, 0) if self.image is None else (self.image.shape[0], self.image.shape[1])


class MemberScored(NamedTuple):
    """An image with the scores ``(M, R, C + 1)`` that each member gives its regions."""

    prepared: Prepared
    member_scores: NDArray[np.float32]


class Scored(NamedTuple):
    """An image with the mean scores ``(R, C + 1)`` of its regions."""

    prepared: Prepared
    scores: NDArray[np.float32]


def score_images(images: Iterable[Prepared], engine: Engine) -> Generator[Scored, None, None]:
    """Score the regions of images by the mean of an engine's members; see `score_by_member`."""
    with closing(score_by_member(images, engine)) as by_member:
        for prepared, member_scores in by_member:
            yield Scored(prepared, mean_scores(member_scores))


def score_by_member(
    images: Iterable[Prepared], engine: Engine, *, upcoming: Engine | None = None
) -> Generator[MemberScored, None, None]:
    """Score the regions of images by each member of an engine, in the order of the images.

    Parameters
    ----------
    images : iterable of Prepared
        Taken a few ahead of what is yielded.
    engine : Engine
    upcoming : Engine, optional
        Is used next: made ready once the first batch has its scores, which it would delay.

    Raises
    ------
    Exception
        What ``images`` or the engine raise, after the images that were finished before.
    """
    return _ScoringLine(images, engine, upcoming).results()


def prepared_ahead(
    prepare: Callable[[Item], Prepared], items: Iterable[Item]
) -> Generator[Prepared, None, None]:
    """Yield ``prepare(item)`` for each item in order, a few prepared ahead in a thread."""
    return prefetched(prepare, items, _IMAGES_AHEAD)


@dataclass(eq=False)
class _Sheet:
    """Scores of an image that are being filled in."""

    prepared: Prepared
    scores: NDArray[np.float32]  # (M, R, C + 1)
    uploaded: Image = None
    filled: int = 0

    @property
    def count(self) -> int:
        return len(self.prepared.boxes_xyxy)

    @property
    def is_full(self) -> bool:
        return self.filled == self.count


class _Part(NamedTuple):
    """Consecutive regions of one image that are scored in one batch."""

    sheet: _Sheet
    regions: slice


class _ScoringLine:
    """Cuts the regions of images into batches, and puts the scores together again."""

    def __init__(self, images: Iterable[Prepared], engine: Engine, upcoming: Engine | None) -> None:
        self._images = images
        self._engine = engine
        self._upcoming = upcoming
        self._waiting: deque[_Sheet] = deque()  # in the order of the images
        self._under_way: deque[list[_Part]] = deque()  # in the order of the batches
        self._failures: list[Exception] = []

    def results(self) -> Generator[MemberScored, None, None]:
        with closing(prefetched(self._engine.warp, self._batches(), _BATCHES_AHEAD)) as windows:
            for member_scores in self._engine.member_scores(self._until_failure(windows)):
                if self._upcoming is not None:
                    self._upcoming.prepare()
                self._fill_in(member_scores)
                yield from self._finished()
        yield from self._finished()  # images without regions at the end
        if self._failures:
            raise self._failures[0]

    def _until_failure(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield items up to an error, which is noted, so that what came before is finished."""
        try:
            yield from items
        except Exception as error:  # noqa: BLE001 - raised at the end of the results
            self._failures.append(error)

    def _batches(self) -> Iterator[list[Piece]]:
        for parts in self._cut():
            self._under_way.append(parts)
            yield [
                Piece(part.sheet.uploaded, part.sheet.prepared.boxes_xyxy[part.regions])
                for part in parts
            ]

    def _cut(self) -> Iterator[list[_Part]]:
        """Yield the parts that make up each batch; only the last one is not full."""
        parts: list[_Part] = []
        room = self._engine.batch_size
        for prepared in self._until_failure(self._images):
            sheet = self._new_sheet(prepared)
            start = 0
            while start < sheet.count:
                count = min(room, sheet.count - start)
                parts.append(_Part(sheet, slice(start, start + count)))
                start += count
                room -= count
                if room == 0:
                    yield parts
                    parts, room = [], self._engine.batch_size
        if parts:
            yield parts

    def _new_sheet(self, prepared: Prepared) -> _Sheet:
        members, outputs = len(self._engine.settings), len(self._engine.settings[0].classes) + 1
        shape = (members, len(prepared.boxes_xyxy), outputs)
        sheet = _Sheet(prepared, np.empty(shape, np.float32))
        if prepared.image is not None and sheet.count:
            sheet.uploaded = self._engine.upload(prepared.image)
        self._waiting.append(sheet)
        return sheet

    def _fill_in(self, scores: NDArray[np.float32]) -> None:
        """Note the scores ``(M, B, C + 1)`` of the oldest batch."""
        start = 0
        for sheet, regions in self._under_way.popleft():
            count = regions.stop - regions.start
            sheet.scores[:, regions] = scores[:, start : start + count]
            sheet.filled += count
            start += count

    def _finished(self) -> Iterator[MemberScored]:
        while self._waiting and self._waiting[0].is_full:
            sheet = self._waiting.popleft()
            yield MemberScored(sheet.prepared, sheet.scores)
