"""Tensors with a JSON document in one safetensors file, no pickle.

The document stands in the file's metadata and begins with a header that says what the file is.
Members, classifiers and MultiBox networks are all kept so.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from foundation.files import whole_file
from foundation.spelling import one_line

MOST_BYTES: Final = 1 << 30
"""Size of the largest file of weights that is read: some twenty times a GoogLeNet in float32."""

Arrays = Mapping[str, NDArray[Any]]
"""Tensors by name."""


class WeightsError(ValueError):
    """A weights file cannot be used; the message names the file, the fault and the remedy."""


@dataclass(frozen=True)
class FileKind:
    """One kind of file.

    Attributes
    ----------
    key : str
        Of the document in the metadata; also the word for what the file holds.
    header : mapping
        What the document must say.
    remedy : str
        What to do about a file that is not such a one; closes the error messages.
    """

    key: str
    header: Mapping[str, Any]
    remedy: str

    def read_document(self, path: Path) -> dict[str, Any]:
        """Return the document, without its header; no tensor is read.

        Raises
        ------
        WeightsError
            If the file is missing, damaged, or of another kind.
        """
        return self._document(path, self._open(path, only=())[0])

    def read(
        self, path: Path, only: Collection[str] | None = None
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the document, without its header, and all tensors, or ``only`` those named.

        Raises
        ------
        WeightsError
            As `read_document`.
        """
        metadata, tensors = self._open(path, only)
        return self._document(path, metadata), tensors

    def write(self, path: Path, document: Mapping[str, Any], tensors: Arrays) -> None:
        """Write a file, whole or not at all; the header is added to the document.

        Raises
        ------
        WeightsError
            If a tensor is not finite, or the document cannot be written as JSON.
        """
        for name, tensor in tensors.items():
            check_finite(path, name, tensor)
        try:
            text = json.dumps({**self.header, **document}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise WeightsError(
                f"{path}: the provenance cannot be written as JSON ({error}); use plain finite"
                " values"
            ) from error
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        with whole_file(path) as temporary:
            # save_file would let nobody but the owner read it.
            temporary.write_bytes(save(contiguous, {self.key: text}))

    def check_tensors(
        self, path: Path, tensors: Arrays, shapes: Mapping[str, tuple[int, ...]]
    ) -> None:
        """Refuse tensors of other names or shapes than the given ones, or that are not finite.

        Raises
        ------
        WeightsError
            Names the first such tensor.
        """
        if odd := sorted(tensors.keys() ^ shapes.keys()):
            raise WeightsError(
                f"{path}: tensor '{one_line(odd[0])}' is missing or not of this network"
                f" ({len(odd)} such);"
                f" {self.remedy}"
            )
        for name, tensor in tensors.items():
            if tensor.shape != tuple(shapes[name]):
                raise WeightsError(
                    f"{path}: tensor '{name}' must have shape {tuple(shapes[name])} but has"
                    f" {tensor.shape}; {self.remedy}"
                )
            check_finite(path, name, tensor)

    def _open(
        self, path: Path, only: Collection[str] | None
    ) -> tuple[Mapping[str, str], dict[str, NDArray[Any]]]:
        if not path.is_file():
            raise WeightsError(f"{path}: no such file; check the path or train a {self.key} first")
        check_size(path, self.remedy)
        try:
            opened: AbstractContextManager[Any] = safe_open(path, framework="np")
            with opened as file:
                names = file.keys()  # the handle itself cannot be iterated in older safetensors
                wanted = names if only is None else set(names) & set(only)
                tensors = {name: file.get_tensor(name) for name in wanted}
                return file.metadata() or {}, tensors
        except (SafetensorError, OSError) as error:
            raise WeightsError(
                f"{path}: not a whole safetensors file ({one_line(error)}); fetch it again or"
                f" {self.remedy}"
            ) from error
        except (TypeError, AttributeError) as error:  # NumPy has no such type, bfloat16 for one
            raise WeightsError(
                f"{path}: tensors must hold finite floats (float16 or float32), but"
                f" {one_line(error)}; {self.remedy}"
            ) from error

    def _document(self, path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
        if self.key not in metadata:
            raise WeightsError(f"{path}: holds no {self.key} settings, only tensors; {self.remedy}")
        return parse_document(path, metadata[self.key], self.header, self.remedy)


def check_size(path: Path, remedy: str) -> None:
    """Refuse a file that is larger than `MOST_BYTES`, before anything of it is read."""
    if path.stat().st_size > MOST_BYTES:
        raise WeightsError(
            f"{path}: larger than {MOST_BYTES >> 20} MB, as no weights of these networks are;"
            f" {remedy}"
        )


def parse_document(path: Path, text: str, header: Mapping[str, Any], remedy: str) -> dict[str, Any]:
    """Return the JSON document of a file, without its header.

    Parameters
    ----------
    path : Path
        Of the file, for error messages.
    text : str
        The document.
    header : mapping
        What it must say.
    remedy : str
        Closes the error messages.

    Raises
    ------
    WeightsError
        If the text is not a JSON object that says so.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: its settings are not JSON ({one_line(error)}); {remedy}"
        ) from error
    if not isinstance(document, dict):
        raise WeightsError(f"{path}: its settings are not a JSON object; {remedy}")
    for key, wanted in header.items():
        if document.get(key) != wanted:
            raise WeightsError(
                f"{path}: {key} must be {wanted!r} but is {one_line(repr(document.get(key)))};"
                f" {remedy}"
            )
    return {key: value for key, value in document.items() if key not in header}


def check_finite(path: Path, name: str, tensor: NDArray[Any]) -> None:
    """Refuse a tensor that does not hold finite floats."""
    if not np.issubdtype(tensor.dtype, np.floating):
        raise WeightsError(
            f"{path}: tensor '{name}' must hold finite floats (float16 or float32) but is"
            f" {tensor.dtype}; convert it or fetch the file again"
        )
    if not bool(np.isfinite(tensor).all()):
        raise WeightsError(
            f"{path}: tensor '{name}' must hold finite floats but does not; the training diverged"
            " or the file is damaged"
        )
