"""The tree in which COCO is published."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.coco.file import parse_coco, without_suffix
from detector.datasets.coco.index import cached_index
from detector.datasets.dataset import Dataset
from detector.datasets.problems import Report, refuse
from detector.datasets.xml.tree import check_split_name, what_is_there
from proposals.images import IMAGE_SUFFIXES

_LABELLED: Final = "instances_"
_UNLABELLED: Final = "image_info_"


class Coco(Dataset):
    """One split of COCO, or of a data set in its layout.

    The tree is ``annotations/instances_{split}.json`` and the pictures in ``{split}/``. Images
    are in the order of the file and have its numbers; their names are those of the pictures
    without suffix. A file ``image_info_{split}.json``, as COCO's test images have it, makes a
    split without annotations.

    The classes are the file's categories. One that is named as one of COCO's 80 which ILSVRC DET
    has, too, has its WordNet id, and so does one that says it (``"wnid"``).

    Files of 1 MiB and more are parsed once: what they say is kept in the user's cache folder.

    Parameters
    ----------
    root : Path or str
        The folder that holds ``annotations`` and ``{split}``.
    split : str
        For example ``"val2017"``.
    report : callable
        Is told of each problem in the file, which is then parsed anew; when left out, the
        first is raised.
    pictures : bool
        Whether the folder of the pictures must be there.

    Raises
    ------
    DatasetError
        If the tree lacks something or the file is damaged.
    """

    def __init__(
        self, root: Path | str, split: str, report: Report = refuse, *, pictures: bool = True
    ) -> None:
        root = Path(root)
        folder = root / "annotations"
        if not folder.is_dir():
            raise DatasetError(
                f"{folder}: no such folder: give the root that holds annotations and the pictures"
            )
        paths = {kind: folder / f"{kind}{split}.json" for kind in (_LABELLED, _UNLABELLED)}
        kind = next((kind for kind, path in paths.items() if path.exists()), "")
        check_split_name(paths[_LABELLED], split, found=bool(kind), known=_splits(folder))
        path, labelled = paths[kind], kind == _LABELLED
        if pictures and not (root / split).is_dir():
            raise DatasetError(
                f"{root / split}: no such folder; {what_is_there(root)}: put the pictures there"
            )
        index = (
            cached_index(path, lambda: parse_coco(path, labelled=labelled))
            if report is refuse
            else parse_coco(path, report, labelled=labelled)
        )
        numbers = zip(map(without_suffix, index.file_names), index.image_numbers, strict=True)
        super().__init__(
            root,
            split,
            path,
            {image_id: int(number) for image_id, number in numbers},
            index.classes,
            labelled=labelled,
        )
        self._index = index
        self._row_by_id = {image_id: row for row, image_id in enumerate(self.image_ids)}

    def image_path(self, image_id: str) -> Path:
        """Return where the picture of that name lies."""
        self.number_of(image_id)
        return self.root / self.split / self._index.file_names[self._row_by_id[image_id]]

    def annotation_path(self, image_id: str) -> Path:  # noqa: ARG002 - one file for all
        """Return the file of all annotations."""
        return self.source

    def unlisted_files(self) -> list[Path]:
        """Return pictures that the file does not name, sorted."""
        folder = self.root / self.split
        named = set(map(PurePosixPath, self._index.file_names))
        return sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in IMAGE_SUFFIXES
            and PurePosixPath(path.relative_to(folder).as_posix()) not in named
        )

    def _examine(self, image_id: str, report: Report) -> ImageAnnotation:  # noqa: ARG002
        # All problems were reported when the file was parsed.
        index, row = self._index, self._row_by_id[image_id]
        objects = slice(index.starts[row], index.starts[row + 1])
        height, width = index.image_sizes[row].tolist()
        return ImageAnnotation(
            image_id=image_id,
            image_path=self.image_path(image_id),
            image_size=(height, width),
            boxes_xyxy=index.boxes_xyxy[objects],
            class_keys=tuple(self.classes[i].key for i in index.categories[objects]),
            crowd=tuple(index.crowd[objects].tolist()),
            areas=tuple(index.areas[objects].tolist()),
        )


def _splits(folder: Path) -> set[str]:
    return {
        path.stem.removeprefix(kind)
        for kind in (_LABELLED, _UNLABELLED)
        for path in folder.glob(f"{kind}*.json")
    }
