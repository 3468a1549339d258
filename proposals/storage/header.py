"""The header of a file of proposals: what was proposed, by what, for which images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foundation.spelling import one_line

_KEY = b"proposals"
_FORMAT, _VERSION = "inception-rcnn proposals", 1


class ProposalFileError(ValueError):
    """A file of proposals, or an image of it, that cannot be used; names file and remedy."""


@dataclass(frozen=True)
class ProposalSettings:
    """What decides the boxes of a file, the pictures apart.

    Attributes
    ----------
    generator : str
        Name of what proposes.
    seed : int
        Of what is random in its ranking.
    max_boxes : int or None
        The best so many boxes of an image are kept; all when None.
    min_side : int or None
        In place of the generator's own `SelectiveSearchConfig.min_side`.

    Raises
    ------
    ValueError
        If ``max_boxes`` is less than 1, or ``min_side`` less than 0.
    """

    generator: str = "doubled"
    seed: int = 0
    max_boxes: int | None = None
    min_side: int | None = None

    def __post_init__(self) -> None:
        if self.max_boxes is not None and self.max_boxes < 1:
            raise ValueError(f"max_boxes must be 1 or more, but got {self.max_boxes}")
        if self.min_side is not None and self.min_side < 0:
            raise ValueError(f"min_side must be 0 or more, but got {self.min_side}")


@dataclass(frozen=True)
class Run:
    """What is proposed for which images: runs that agree in this make the same file.

    Attributes
    ----------
    settings : ProposalSettings
    image_count : int
    image_ids_sha256 : str
        Of the images' ids in their order.
    """

    settings: ProposalSettings
    image_count: int
    image_ids_sha256: str

    @classmethod
    def of_images(cls, settings: ProposalSettings, image_ids: Iterable[str]) -> Run:
        """Describe a run over images by their ids."""
        digest, count = hashlib.sha256(), 0
        for image_id in image_ids:
            digest.update(image_id.encode() + b"\0")
            count += 1
        return cls(settings, count, digest.hexdigest())

    def difference(self, asked: Run) -> str:
        """Say in what ``asked`` differs from this; empty when in nothing."""
        for name, value in asdict(self.settings).items():
            wanted = getattr(asked.settings, name)
            if wanted != value:
                return f"{name} {value}, not {wanted}"
        if self.image_count != asked.image_count:
            return f"{self.image_count} images, not {asked.image_count}"
        return "" if self == asked else "other images, or in another order"


@dataclass(frozen=True)
class Header:
    """What the metadata of a file holds.

    Attributes
    ----------
    run : Run
    sources : tuple of str
        Names that the column ``sources`` points into.
    package : str
        Name and version of the package that wrote the file.
    shard_images : int or None
        Of an index: how many images each file holds that it is of, but for the last one.
    """

    run: Run
    sources: tuple[str, ...]
    package: str
    shard_images: int | None = None

    def to_metadata(self) -> dict[bytes, str]:
        """Return the header as key-value metadata of a Parquet file."""
        content: dict[str, object] = {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": asdict(self.run.settings),
            "images": {"count": self.run.image_count, "sha256": self.run.image_ids_sha256},
            "sources": self.sources,
            "package": self.package,
        }
        if self.shard_images is not None:
            content["shard_images"] = self.shard_images
        return {_KEY: json.dumps(content)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None, path: Path) -> Header:
        """Read the metadata of the Parquet file ``path``.

        Raises
        ------
        ProposalFileError
            If they are not of proposals, or of another version.
        """
        try:
            content = json.loads((metadata or {})[_KEY])
            kind = (content["format"], content["version"])
            if kind == (_FORMAT, _VERSION):
                return _header(content)
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError):
            raise ProposalFileError(
                f"{path}: Parquet, but not of proposals; give a file that inception-rcnn"
                " propose wrote"
            ) from None
        raise ProposalFileError(
            f"{path}: of format '{one_line(kind[0])}', version {one_line(kind[1])}, but"
            f" '{_FORMAT}', version {_VERSION}, is read; make it anew with inception-rcnn propose"
        )


def _header(content: Mapping[str, Any]) -> Header:
    images = content["images"]
    run = Run(
        settings=ProposalSettings(**content["settings"]),
        image_count=int(images["count"]),
        image_ids_sha256=str(images["sha256"]),
    )
    shard_images = content.get("shard_images")
    return Header(
        run,
        tuple(map(str, content["sources"])),
        str(content["package"]),
        None if shard_images is None else int(shard_images),
    )


def package_version() -> str:
    """Return name and version of this package as it is installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"inception-rcnn {version('inception-rcnn')}"
    except PackageNotFoundError:
        return "inception-rcnn, not installed"
