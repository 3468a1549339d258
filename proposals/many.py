"""Proposals for any number of images, in their order, several at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foundation.checks import check_whole
from foundation.prefetch import ordered_map
from foundation.processors import available_processors
from proposals.images import ImageError, ImageLike, as_rgb_uint8
from proposals.result import Proposals, Proposer

_LONGEST_REASON = 200  # characters of somebody else's message
_ON_ERROR = ("skip", "raise")


@dataclass(frozen=True)
class Skipped:
    """An image that has no proposals, in the place where they would be.

    Attributes
    ----------
    index : int
        Place of the image among all, from 0.
    name : str
        The path, the file of a Pillow image, or else ``image 7``, by its place.
    reason : str
        One line that begins with the name.
    error : Exception
        What was raised.
    """

    index: int
    name: str
    reason: str
    error: Exception


def propose_many(
    images: Iterable[ImageLike],
    proposer: Proposer | None = None,
    *,
    workers: int | None = None,
    on_error: str = "skip",
) -> Iterator[Proposals | Skipped]:
    """Propose boxes for many images, several at a time.

    Parameters
    ----------
    images : iterable
        Of what `proposals.images.as_rgb_uint8` takes: paths, Pillow images, arrays. It may be
        endless: images are taken in the caller's thread, no more than two a worker ahead of
        the one that is waited for.
    proposer : callable, optional
        From an (H, W, 3) uint8 RGB image to its `Proposals`, called from several threads at a
        time, as all of this package may be. ``SelectiveSearch(threads=1)`` when left out.
    workers : int, optional
        Threads; as many as there are processors for this process when left out.
    on_error : {"skip", "raise"}
        What becomes of an image that cannot be read, or at which the proposer fails: a
        `Skipped` in its place, or the end, with the error that was raised.

    Yields
    ------
    Proposals or Skipped
        One for each image, in their order.

    Raises
    ------
    ValueError
        At once, if ``images`` is one image, or a setting is impossible.

    Examples
    --------
    >>> from proposals import Proposals, propose_many
    >>> from skimage.data import astronaut
    >>> [type(found).__name__ for found in propose_many([astronaut(), "none.jpg"])]
    ['Proposals', 'Skipped']
    """
    _refuse_one_image(images)
    if on_error not in _ON_ERROR:
        raise ValueError(f"on_error must be one of {', '.join(_ON_ERROR)}, but got {on_error!r}")
    if workers is not None:
        check_whole("workers", workers, 1)
    if proposer is None:
        from proposals.selective_search.search import SelectiveSearch

        proposer = SelectiveSearch(threads=1)
    return _propose_each(images, proposer, workers or available_processors(), on_error == "raise")


def _refuse_one_image(images: object) -> None:
    of_pixels = isinstance(images, np.ndarray) and images.ndim == 3 and images.shape[2] in {3, 4}
    if of_pixels or isinstance(images, str | PathLike | Image.Image):
        raise ValueError("images must be several, but got one; put it into a list")


class _Job(NamedTuple):
    place: int
    name: str
    image: ImageLike | Exception


def _propose_each(
    images: Iterable[ImageLike], proposer: Proposer, workers: int, must_stop: bool
) -> Generator[Proposals | Skipped, None, None]:
    def propose(job: _Job) -> Proposals | Skipped:
        try:
            return proposer(_rgb(job.image))
        except Exception as error:  # noqa: BLE001 - one bad picture must not stop the others
            return Skipped(job.place, job.name, why_skipped(job.name, error), error)

    jobs = (_Job(i, _name(image, i), _decoded(image)) for i, image in enumerate(images))
    for found in ordered_map(propose, jobs, workers):
        if must_stop and isinstance(found, Skipped):
            raise found.error
        yield found


def _decoded(image: ImageLike) -> ImageLike | Exception:
    """Decode a Pillow image in the reader's thread, as it may be closed when the next is taken."""
    if not isinstance(image, Image.Image):
        return image
    try:
        return as_rgb_uint8(image)
    except Exception as error:  # noqa: BLE001 - it is told in its turn
        return error


def _rgb(image: ImageLike | Exception) -> NDArray[np.uint8]:
    if isinstance(image, Exception):
        raise image
    return as_rgb_uint8(image)


def _name(image: ImageLike, index: int) -> str:
    if isinstance(image, str | PathLike):
        return fspath(image)
    return getattr(image, "filename", "") or f"image {index}"


def why_skipped(name: str, error: Exception) -> str:
    """Say in one line that begins with the name of an image why it has no proposals."""
    message = " ".join(str(error).split())
    if isinstance(error, ImageError):
        return message if message.startswith(name) else f"{name}: {message}"
    if isinstance(error, MemoryError):
        return f"{name}: the memory does not suffice; shrink it, or work on fewer at a time"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: cannot be read ({error.strerror}); see to its path and permissions"
    kind = type(error).__name__
    told = f"{kind}: {message[:_LONGEST_REASON]}" if message else kind
    return f"{name}: the proposer failed ({told}); look at the picture, or leave it out"
