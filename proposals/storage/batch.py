"""Proposals for many pictures, on all processors, into a file or folder, with resumption."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from threading import local

from foundation.prefetch import ordered_map
from proposals.images import read_image
from proposals.many import why_skipped
from proposals.result import Proposer
from proposals.storage.header import ProposalFileError, ProposalSettings, Run
from proposals.storage.lock import locked
from proposals.storage.parquet import ImageRow
from proposals.storage.parts import Parts, Picture
from proposals.storage.shards import INDEX, open_source

IMAGES_A_PART = 128
"""How many images a part of the work holds, unless told; and a shard of a folder."""

_AHEAD = 8  # pictures a worker that may be done before the slowest one


def propose_to_file(
    pictures: Sequence[Picture],
    make_proposer: Callable[[], Proposer],
    path: str | Path,
    settings: ProposalSettings,
    *,
    workers: int,
    report: Callable[[int], None],
    overwrite: bool = False,
    images_a_part: int = IMAGES_A_PART,
) -> bool:
    """Propose boxes for pictures and write them to one file, or to a folder of shards.

    A path that ends in ``.parquet`` becomes a file, any other a folder, which suits any number of
    pictures; `proposals.storage.proposal_file` describes both. While it works, finished parts
    stand in the folder ``PATH.parts``, each whole: a file is copied from them, a folder is that
    one, renamed. A call with the same pictures and settings after one that was stopped or killed
    goes on from them, and all comes out as if nothing had happened. Pictures that cannot be read,
    or at which the proposer fails, are in `ProposalFile.skipped` with the reason.

    Parameters
    ----------
    pictures : sequence of Picture
        In the order of the file or shards.
    make_proposer : callable
        Makes a proposer for each worker.
    path : str or Path
    settings : ProposalSettings
        What ``make_proposer`` makes, for the header; and the limit of boxes.
    workers : int
        Pictures that are worked on at the same time, in threads.
    report : callable
        Called with the number of pictures done.
    overwrite : bool
        Remove what is there first.
    images_a_part : int

    Returns
    -------
    bool
        Whether there was something to do: False when all was complete already.

    Raises
    ------
    ProposalFileError
        If the file, folder or parts are there with other settings or pictures; or a folder of
        something else is.
    LockedError
        If another process is at work on the same path.
    ValueError
        If two pictures have one id.
    """
    path = Path(path)
    run = Run.of_images(settings, (picture.image_id for picture in pictures))
    if len({picture.image_id for picture in pictures}) < len(pictures):
        raise ValueError("two pictures have the same id; give each its own")
    _refuse_other_folder(path)
    parts = Parts(path, run, pictures, images_a_part)
    with locked(path.with_name(f"{path.name}.lock")):
        if overwrite:
            parts.remove_all()
        if path.is_file() or _is_complete_folder(path):
            _check_run(path, run)
            parts.remove()  # left by a run that was killed at its very end
            return False
        _make_missing(parts, make_proposer, run, workers, report)
        parts.finish()
    return True


def _is_complete_folder(path: Path) -> bool:
    return (path / INDEX).is_file()


def _refuse_other_folder(path: Path) -> None:
    if path.is_dir() and not _is_complete_folder(path) and any(path.iterdir()):
        raise ProposalFileError(
            f"{path}: is a folder of something else; name a new one, or a file that ends in"
            " .parquet"
        )


def _check_run(path: Path, run: Run) -> None:
    source = open_source(path)
    source.close()
    if difference := source.header.run.difference(run):
        raise ProposalFileError(
            f"{path}: is there already, made with {difference}; choose another name, or"
            " start anew by --overwrite"
        )


def _make_missing(
    parts: Parts,
    make_proposer: Callable[[], Proposer],
    run: Run,
    workers: int,
    report: Callable[[int], None],
) -> None:
    missing = parts.missing(workers)
    todo = (picture for part in missing for picture in parts.pictures(part))
    done = run.image_count - sum(len(parts.pictures(part)) for part in missing)
    report(done)
    proposed = propose_for_pictures(todo, make_proposer, run.settings.max_boxes, workers)
    with closing(proposed):
        for part in missing:
            rows = []
            for row in islice(proposed, len(parts.pictures(part))):
                rows.append(row)
                done += 1
                report(done)
            parts.write(part, rows)


def propose_for_pictures(
    pictures: Iterable[Picture],
    make_proposer: Callable[[], Proposer],
    max_boxes: int | None,
    workers: int,
) -> Generator[ImageRow, None, None]:
    """Yield the row of each picture, in order; parameters as in `propose_to_file`.

    Only a few pictures are taken ahead of the one that is waited for, so that memory does not
    grow with their number.
    """
    own = local()

    def propose(picture: Picture) -> ImageRow:
        if not hasattr(own, "proposer"):
            own.proposer = make_proposer()
        return _propose_one(picture, own.proposer, max_boxes)

    return ordered_map(propose, pictures, workers, _AHEAD)


def _propose_one(picture: Picture, proposer: Proposer, max_boxes: int | None) -> ImageRow:
    image_id, path = picture
    try:
        found = proposer(read_image(path))
    except Exception as error:  # noqa: BLE001 - one bad picture must not stop the others
        return ImageRow(image_id, path, why_skipped(path, error))
    return ImageRow(image_id, path, found if max_boxes is None else found.first(max_boxes))
