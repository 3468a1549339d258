"""Proposals for many pictures, on all processors, into one file; goes on where it was stopped."""

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
from proposals.storage.parquet import ImageRow, open_parquet
from proposals.storage.parts import Parts, Picture

IMAGES_A_PART = 128
"""How many images a part of the work holds, unless told; and a row group of the file."""

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
    """Propose boxes for pictures and write them to one file.

    While it works, finished parts stand in the folder ``PATH.parts``, each whole. A call with
    the same pictures and settings after one that was stopped or killed goes on from them, and
    the file comes out as if nothing had happened. Pictures that cannot be read, or at which the
    proposer fails, are in `ProposalFile.skipped` with the reason.

    Parameters
    ----------
    pictures : sequence of Picture
        In the order of the file.
    make_proposer : callable
        Makes a proposer for each worker.
    path : str or Path
    settings : ProposalSettings
        What ``make_proposer`` makes, for the file's header; and the limit of boxes.
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
        Whether there was something to do: False when the file was complete already.

    Raises
    ------
    ProposalFileError
        If the file or its parts are there with other settings or pictures.
    LockedError
        If another process is at work on the same file.
    ValueError
        If two pictures have one id.
    """
    path = Path(path)
    run = Run.of_images(settings, (picture.image_id for picture in pictures))
    if len({picture.image_id for picture in pictures}) < len(pictures):
        raise ValueError("two pictures have the same id; give each its own")
    parts = Parts(path, run, pictures, images_a_part)
    with locked(path.with_name(f"{path.name}.lock")):
        if overwrite:
            path.unlink(missing_ok=True)
            parts.remove()
        if path.exists():
            _check_run(path, run)
            parts.remove()  # left by a run that was killed at its very end
            return False
        _make_missing(parts, make_proposer, run, workers, report)
        parts.stitch()
    return True


def _check_run(path: Path, run: Run) -> None:
    file, header = open_parquet(path)
    file.close()
    if difference := header.run.difference(run):
        raise ProposalFileError(
            f"{path}: is there already, made with {difference}; choose another file, or"
            " start anew by --overwrite"
        )


def _make_missing(
    parts: Parts,
    make_proposer: Callable[[], Proposer],
    run: Run,
    workers: int,
    report: Callable[[int], None],
) -> None:
    missing = parts.missing()
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
