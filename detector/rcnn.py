"""The detector: propose regions, warp them, score them, select detections.

Each step can be called alone. ``Detector.detect`` runs all of them::

    detector = Detector.from_pretrained()
    detections = detector.detect("street.jpg")
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.cascade import score_in_cascade
from detector.classes import ObjectClass
from detector.config import DEFAULT_MODEL, DetectorConfig, Execution
from detector.detections.results import Detections
from detector.detections.selection import select_detections
from detector.engines import Engine, make_engine, make_onnx_engine
from detector.members.ensemble_file import Ensemble
from detector.members.file import MemberFile, open_members
from detector.members.models import default_ensemble, open_model, save_model
from detector.members.settings import check_members
from detector.pipeline import (
    Prepared,
    Scored,
    prepared_ahead,
    score_by_member,
    score_images,
)
from detector.proposers import default_proposer
from detector.regions.admit import admit_regions
from proposals import ImageError, ProposalFileError, Proposer
from proposals.images import ImageLike, as_rgb_uint8
from proposals.many import why_skipped


class Task(NamedTuple):
    """An image to detect on, opened when its turn comes.

    Attributes
    ----------
    key : hashable
        What the result is known by.
    open : callable
        Returns the image as `Detector.detect` takes it, and its proposals ``(N, 4)`` or None.
        It is called in a thread of its own. What it raises becomes the result's error.
    """

    key: Hashable
    open: Callable[[], tuple[ImageLike, NDArray[np.float32] | None]]


class Outcome(NamedTuple):
    """What came of a task: the image with its detections, or an error."""

    key: Hashable
    image: NDArray[np.uint8] | None  # (H, W, 3) RGB
    detections: Detections | None
    error: Exception | None


class Detector:
    """R-CNN with networks as classifiers: region proposals in, detections out.

    Parameters
    ----------
    engine : Engine
        Scores warped regions; of `detector.engines.make_engine`.
    proposer : callable, optional
        From an (H, W, 3) uint8 RGB image to its ``Proposals``; `default_proposer` when left
        out.
    config : DetectorConfig, optional
        Settings that decide the results; the first member's when left out.
    others : Engine, optional
        Of more members, which makes a cascade: they score only the regions to which ``engine``
        gives a class ``config.cascade_threshold`` or more.

    Attributes
    ----------
    engine : Engine
    others : Engine or None
    proposer : callable
    config : DetectorConfig
    classes : tuple of ObjectClass
        What can be detected.
    """

    def __init__(
        self,
        engine: Engine,
        proposer: Proposer | None = None,
        config: DetectorConfig | None = None,
        others: Engine | None = None,
    ) -> None:
        check_members([*engine.settings, *(others.settings if others else ())])
        engine.prepare()  # while proposals are made; the others come second
        self.engine = engine
        self.others = others
        self.proposer = proposer or default_proposer()
        self.config = config or engine.settings[0].detection
        self._saved: tuple[tuple[MemberFile, ...], Ensemble] | None = None

    @classmethod
    def load(
        cls,
        *paths: str | Path,
        proposer: Proposer | None = None,
        execution: Execution | None = None,
        **settings: Any,  # noqa: ANN401 - fields of DetectorConfig, which checks them
    ) -> Detector:
        """Load a detector from loose files; `from_pretrained` takes a model's folder.

        Parameters
        ----------
        *paths : str or Path
            One member file, several whose scores are averaged, or one ONNX file of
            ``inception-rcnn export``. The first of several stands in front of the cascade; an ONNX
            file has none.
        proposer, execution
            As in ``Detector`` and `make_engine`.
        **settings
            Fields of ``DetectorConfig`` that replace those of the first file;
            ``cascade_threshold=0`` lets all members score every region.

        Raises
        ------
        WeightsError
            If a file cannot be used.
        ValueError
            If no path is given, the members do not agree, or a setting is impossible.
        """
        if any(Path(path).suffix == ".onnx" for path in paths):
            if len(paths) > 1:
                raise ValueError("an ONNX file holds a whole ensemble: name it alone")
            engine = make_onnx_engine(paths[0], execution)
            return cls(engine, proposer, replace(engine.settings[0].detection, **settings))
        members = open_members(paths)
        return cls._of_members(members, default_ensemble(members), proposer, execution, settings)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path = DEFAULT_MODEL,
        *,
        members: str | Sequence[str | int] | None = None,
        proposer: Proposer | None = None,
        execution: Execution | None = None,
        **settings: Any,  # noqa: ANN401 - as in load
    ) -> Detector:
        """Load a model: one that comes with the package, or a folder of one's own.

        Parameters
        ----------
        model : str or Path
            Name of a model that ships (``inception-rcnn models`` lists them), or a folder of
            member files; see `detector.members.models`.
        members : str or sequence of str or int, optional
            Which of its networks, by file name without suffix or by place in the order of
            their names; the first of them stands in front of the cascade. All when left out.
        proposer, execution
            As in ``load``.
        **settings
            Fields of ``DetectorConfig`` that replace those of the model's ensemble.

        Raises
        ------
        WeightsError
            If there is no such model, or a file of it cannot be used.
        ValueError
            If the model has no such member, one is named twice or none at all, the members do
            not agree, or a setting is impossible.
        """
        opened = open_model(model, members)
        return cls._of_members(opened.members, opened.ensemble, proposer, execution, settings)

    @classmethod
    def _of_members(
        cls,
        members: Sequence[MemberFile],
        ensemble: Ensemble,
        proposer: Proposer | None,
        execution: Execution | None,
        settings: Mapping[str, Any],
    ) -> Detector:
        """Return a cascade behind the first member, or without a threshold one engine of all."""
        config = replace(ensemble.detection, **settings)
        if len(members) == 1 or config.cascade_threshold == 0:
            detector = cls(make_engine(members, execution), proposer, config)
        else:
            first, others = (make_engine(part, execution) for part in (members[:1], members[1:]))
            detector = cls(first, proposer, config, others)
        detector._saved = tuple(members), replace(ensemble, detection=config)
        return detector

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write the detector as a model's folder, which `from_pretrained` loads.

        Its members' files are copied as they are; the settings that it was loaded with, with those
        that replaced them, become the file of the ensemble. So loose files become a model.

        Parameters
        ----------
        save_directory : str or Path
            A folder that is not there yet, or is empty.

        Raises
        ------
        ValueError
            If the detector was not loaded from member files.
        WeightsError
            If the folder holds something.
        OSError
            If a file cannot be read or written.
        """
        if self._saved is None:
            raise ValueError(
                "only a detector of member files can be saved as a model: copy the ONNX file, or"
                " load the members that it was made of"
            )
        save_model(save_directory, *self._saved)

    @property
    def classes(self) -> tuple[ObjectClass, ...]:
        """The classes that can be detected."""
        return self.engine.settings[0].classes

    def detect(self, image: ImageLike, proposals: NDArray[np.float32] | None = None) -> Detections:
        """Detect objects in an image.

        Parameters
        ----------
        image : str, path, PIL.Image.Image or ndarray
            As `proposals.images.as_rgb_uint8` takes it; arrays are RGB.
        proposals : (N, 4) float32 array, optional
            Regions to score, xyxy in pixels with exclusive right and bottom edges, best
            first; those of the proposer when left out.

        Returns
        -------
        Detections
            In the image's frame, best first.

        Raises
        ------
        ValueError
            If the image or the proposals are malformed.
        """
        prepared = self.prepare(Task(None, lambda: (image, proposals)))
        (scored,) = self._score([prepared])
        return self._select(prepared, scored.scores)

    def detect_all(self, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """Detect objects in many images, faster than one by one.

        Reading and proposing, warping and the networks work at the same time, and batches
        are filled across images; see `detector.pipeline`.

        Yields
        ------
        Outcome
            One a task, in their order. An image that cannot be read, or at which the proposer
            fails, does not stop the rest; the error's message is one line that names it.

        Raises
        ------
        Exception
            What ``tasks`` or the engine raise, after the outcomes that were finished before. What
            is still prepared or warped is dropped.
        """
        with (
            closing(prepared_ahead(self._prepare_or_note, tasks)) as images,
            closing(self._score(images)) as scored,
        ):
            for prepared, scores in scored:
                key, image, _, error = prepared
                found = None if error else self._select(prepared, scores)
                yield Outcome(key, image, found, error)

    def propose(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the proposer's regions ``(N, 4)`` of an (H, W, 3) image, best first."""
        return self.proposer(image).boxes_xyxy

    def score_regions(
        self, image: NDArray[np.uint8], boxes_xyxy: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Warp and score regions.

        Parameters
        ----------
        image : (H, W, 3) uint8 array
            RGB picture.
        boxes_xyxy : (R, 4) float32 array
            Regions with an area inside the image, as ``admit_regions`` returns them.

        Returns
        -------
        (R, C + 1) float32 array
            Scores: the mean of the members, of the cascade's where there is one;
            column 0 is the background.
        """
        (scored,) = self._score([Prepared(None, image, boxes_xyxy)])
        return scored.scores

    def score_members(
        self, image: NDArray[np.uint8], boxes_xyxy: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Warp regions and score every one of them by every member.

        Parameters
        ----------
        image, boxes_xyxy
            As in ``score_regions``.

        Returns
        -------
        (M, R, C + 1) float32 array
            Scores of each of the M members; column 0 is the background.
        """
        engines = (self.engine,) if self.others is None else (self.engine, self.others)
        parts = []
        for engine in engines:
            (scored,) = score_by_member([Prepared(None, image, boxes_xyxy)], engine)
            parts.append(scored.member_scores)
        return np.concatenate(parts)

    def prepare(self, task: Task) -> Prepared:
        """Open a task and choose the regions to score.

        Raises
        ------
        ImageError, ProposalFileError
            As the task's ``open``.
        ValueError
            If the image or its proposals are malformed.
        """
        given, proposals = task.open()
        image = as_rgb_uint8(given)
        candidates = self.propose(image) if proposals is None else proposals
        return Prepared(task.key, image, admit_regions(candidates, image.shape[:2], self.config))

    def _prepare_or_note(self, task: Task) -> Prepared:
        try:
            return self.prepare(task)
        except Exception as error:  # noqa: BLE001 - one bad picture must not stop the others
            return Prepared(task.key, None, np.empty((0, 4), np.float32), _told(task.key, error))

    def _score(self, images: Iterable[Prepared]) -> Generator[Scored, None, None]:
        if self.others is None:
            return score_images(images, self.engine)
        return score_in_cascade(images, self.engine, self.others, self.config.cascade_threshold)

    def _select(self, prepared: Prepared, scores: NDArray[np.float32]) -> Detections:
        return select_detections(
            prepared.boxes_xyxy, scores, self.classes, prepared.image_size, self.config
        )


def _told(key: Hashable, error: Exception) -> Exception:
    """Return an error whose message is one line that names the image."""
    if isinstance(error, ImageError | ProposalFileError):
        return error  # they do
    told = ImageError(why_skipped(str(key), error))
    told.__cause__ = error
    return told
