"""The list of images and classes that do not count.

One pair a line, ``image_id wnid``, where ``image_id`` is the image's number in its list or its
name. ILSVRC publishes such a list for the validation images.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detector.classes import ObjectClass, ilsvrc_classes
from detector.datasets.annotation import DatasetError
from detector.datasets.reading.text_file import filled_lines, shown
from detector.scoring.files.image_index import ImageIndex, ScoringFileError
from detector.scoring.records import Blacklist


def read_blacklist(
    path: Path | str, images: ImageIndex, classes: Sequence[ObjectClass] | None = None
) -> Blacklist:
    """Read a blacklist.

    Parameters
    ----------
    path : Path or str
    images : ImageIndex
        The images that the file may speak of.
    classes : sequence of ObjectClass, optional
        The classes that it may speak of; ILSVRC's 200 when left out.

    Raises
    ------
    ScoringFileError
        If the file cannot be read, or a line is not as described or longer than 1,000 characters;
        names the line.
    """
    classes = ilsvrc_classes() if classes is None else classes
    id_by_wnid = {object_class.wnid: object_class.id for object_class in classes}
    path = Path(path)
    pairs: set[tuple[int, int]] = set()
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in filled_lines(path, file):
                pairs.add(_parse_line(f"{path}, line {number}", line, images, id_by_wnid))
    except OSError as error:
        raise ScoringFileError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ScoringFileError(f"{path}: not a text file in UTF-8") from error
    except DatasetError as error:
        raise ScoringFileError(str(error)) from error
    return frozenset(pairs)


def _parse_line(
    place: str, line: str, images: ImageIndex, id_by_wnid: dict[str, int]
) -> tuple[int, int]:
    fields = line.split()
    if len(fields) != 2:
        raise ScoringFileError(f"{place}: must be 'image_id wnid', but is {shown(line.strip())}")
    image_id, wnid = fields
    if wnid not in id_by_wnid:
        raise ScoringFileError(
            f"{place}: {shown(wnid)} is the WordNet id of no class that is known"
        )
    try:
        return int(images.indices_of([image_id])[0]), id_by_wnid[wnid]
    except ValueError as error:
        raise ScoringFileError(f"{place}: {error}") from error
