"""Files of trained members: tensors and all settings in one safetensors file, no pickle.

The tensors carry ``GoogLeNet``'s own parameter names and are stored as float16. The file's
metadata holds one JSON document under the key ``member``::

    {"format": "inception-rcnn member", "version": 2, "architecture": "GoogLeNet",
     "background": "output 0",
     "classes": [{"id": 58, "wnid": "n02121808", "name": "domestic cat"}, ...],
     "statistics": {"mean_rgb": [123.0, 117.0, 104.0], "size": 224},
     "warp": {"size": 224, "context_padding": 16, "outside_rgb": [123, 117, 104]},
     "detection": {"max_proposals": 1400, "nms_iou": 0.3, ...},
     "provenance": {...},
     "activation_ranges": {"lrn1": 138.2, ...},
     "classifier": "softmax"}

Output 0 of the network is the background and output i + 1 is the i-th class of the list. Where the
classifier is "svm", output 0 is not used. Older files name no classifier: it is the softmax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbones.layout import parameter_shapes
from detector.members.member import Member
from detector.members.settings import MemberSettings, check_members, settings_from_document
from foundation.digests import file_digest
from foundation.tensor_file import FileKind, WeightsError

_KIND = FileKind(
    "member",
    {
        "format": "inception-rcnn member",
        "version": 2,
        "architecture": "GoogLeNet",
        "background": "output 0",
    },
    "give a file that this version's training wrote",
)


@dataclass(frozen=True)
class MemberFile:
    """A member's file whose tensors are not read yet; see `detector.members.member.MemberSource`.

    Attributes
    ----------
    path : Path
    settings : MemberSettings
    """

    path: Path
    settings: MemberSettings

    def digest(self) -> str:
        """Return the digest of the file's bytes."""
        return file_digest(self.path)

    def read(self) -> Member:
        """Return the member with its tensors; errors are those of `load_member`."""
        return load_member(self.path)


def open_member(path: str | Path) -> MemberFile:
    """Read the settings of a member's file, and leave its tensors for later.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, of another format or version, or if its settings cannot
        be used; names the file and the remedy.
    """
    path = Path(path)
    document = _KIND.read_document(path)
    with _settings_errors(path):
        return MemberFile(path, MemberSettings(**settings_from_document(document)))


def open_members(paths: Sequence[str | Path]) -> tuple[MemberFile, ...]:
    """Read the settings of member files whose scores are to be averaged.

    Raises
    ------
    WeightsError
        As `open_member`.
    ValueError
        If there is no file, or the members do not agree; names the files that differ.
    """
    members = tuple(open_member(path) for path in paths)
    check_members([member.settings for member in members], [str(path) for path in paths])
    return members


def load_member(path: str | Path) -> Member:
    """Read a member from a file.

    Returns
    -------
    Member
        With float16 tensors.

    Raises
    ------
    WeightsError
        As `open_member`, and if the tensors do not fit the classes or are not finite.
    """
    path = Path(path)
    document, tensors = _KIND.read(path)
    with _settings_errors(path):
        settings = settings_from_document(document)
    outputs = len(settings["classes"]) + 1
    _check_outputs(path, tensors, outputs)
    _KIND.check_tensors(path, tensors, parameter_shapes(outputs))
    with _settings_errors(path):
        return Member(tensors=tensors, **settings)


def save_member(path: str | Path, member: Member) -> None:
    """Write a member to a file, whole or not at all.

    Raises
    ------
    WeightsError
        If a weight is not finite in float16, or the provenance cannot be written as JSON.
    """
    with np.errstate(over="ignore"):  # what is too large for float16 is refused by its name
        tensors = {name: tensor.astype(np.float16) for name, tensor in member.tensors.items()}
    _KIND.write(Path(path), member.to_document(), tensors)


@contextmanager
def _settings_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise WeightsError(
            f"{path}: its settings cannot be used ({error}); {_KIND.remedy}"
        ) from error


def _check_outputs(path: Path, tensors: Mapping[str, NDArray[Any]], outputs: int) -> None:
    bias = tensors.get("classifier.bias")
    if bias is not None and bias.shape != (outputs,):
        raise WeightsError(
            f"{path}: lists {outputs - 1} classes, which with the background must make"
            f" {outputs} outputs, but has {bias.shape}; {_KIND.remedy}"
        )
