"""Proposals of a whole data set: computed once, kept in a file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proposals import ImageError, Proposer, read_image
from proposals.files import whole_file

Boxes = NDArray[np.float32]


class ProposalFileError(ValueError):
    """A file of proposals that cannot be used."""


def propose_for_files(
    paths: Iterable[Path], proposer: Proposer, threads: int
) -> Iterator[Boxes | ImageError]:
    """Yield the boxes ``(N, 4)`` of each picture, in order, or why it cannot be read.

    Parameters
    ----------
    paths : iterable of Path
    proposer : callable
        From an (H, W, 3) uint8 RGB image to `Proposals`; called from several threads.
    threads : int
        Pictures that are worked on at the same time.
    """

    def boxes_of(path: Path) -> Boxes | ImageError:
        try:
            return proposer(read_image(path)).boxes_xyxy
        except ImageError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(boxes_of, paths)


def save_proposals(path: Path, boxes_by_image: Mapping[str, Boxes]) -> None:
    """Write the boxes ``(N, 4)`` of each image, by image id, as one npz file."""
    counts = [len(boxes) for boxes in boxes_by_image.values()]
    arrays: dict[str, Any] = {
        "image_ids": np.array(list(boxes_by_image), dtype=np.str_),
        "counts": np.array(counts, dtype=np.int64),
        "boxes_xyxy": np.concatenate([np.zeros((0, 4), np.float32), *boxes_by_image.values()]),
    }
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_proposals(path: Path) -> dict[str, Boxes]:
    """Read a file of `save_proposals`.

    Raises
    ------
    ProposalFileError
        If the file is damaged or something else.
    """
    try:
        # numpy leaves a damaged file open when it opens it itself.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            image_ids, counts = arrays["image_ids"], arrays["counts"]
            boxes = arrays["boxes_xyxy"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ProposalFileError(
            f"{path}: not a whole file of proposals ({error}); delete it to make it anew"
        ) from None
    if len(image_ids) != len(counts) or counts.sum() != len(boxes) or boxes.shape[1:] != (4,):
        raise ProposalFileError(f"{path}: its parts do not fit; delete it to make it anew")
    ends = np.cumsum(counts)
    return {
        image_id: boxes[end - count : end].astype(np.float32)
        for image_id, count, end in zip(image_ids.tolist(), counts, ends, strict=True)
    }
