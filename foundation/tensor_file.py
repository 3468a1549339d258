"""Tensors with a JSON document in one safetensors file: what member and classifier files share.

The document stands in the file's metadata and begins with a header that says what the file is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor


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

    def read(self, path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the document, without its header, and the tensors.

        Raises
        ------
        WeightsError
            If the file is missing, damaged, or of another kind.
        """
        if not path.is_file():
            raise WeightsError(f"{path}: no such file; check the path or train a {self.key} first")
        try:
            with safe_open(path, framework="pt") as file:
                names = file.keys()  # the handle itself cannot be iterated in older safetensors
                tensors = {name: file.get_tensor(name) for name in names}
                metadata = file.metadata() or {}
        except (SafetensorError, OSError) as error:
            raise WeightsError(
                f"{path}: not a whole safetensors file ({error}); fetch it again or {self.remedy}"
            ) from error
        return self._document(path, metadata), tensors

    def check_tensors(
        self, path: Path, tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
    ) -> None:
        """Refuse tensors whose names or shapes are not the wanted ones, or that are not finite."""
        if odd := sorted(tensors.keys() ^ wanted.keys()):
            raise WeightsError(
                f"{path}: tensor '{odd[0]}' is missing or not GoogLeNet's ({len(odd)} such);"
                f" {self.remedy}"
            )
        for name, tensor in tensors.items():
            if tensor.shape != wanted[name].shape:
                raise WeightsError(
                    f"{path}: tensor '{name}' must have shape {tuple(wanted[name].shape)} but has"
                    f" {tuple(tensor.shape)}; {self.remedy}"
                )
            check_finite(path, name, tensor)

    def _document(self, path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
        try:
            document = json.loads(metadata[self.key])
        except KeyError:
            raise WeightsError(
                f"{path}: holds no {self.key} settings, only tensors; {self.remedy}"
            ) from None
        except json.JSONDecodeError as error:
            raise WeightsError(
                f"{path}: its settings are not JSON ({error}); {self.remedy}"
            ) from error
        if not isinstance(document, dict):
            raise WeightsError(f"{path}: its settings are not a JSON object; {self.remedy}")
        for key, wanted in self.header.items():
            if document.get(key) != wanted:
                raise WeightsError(
                    f"{path}: {key} must be {wanted!r} but is {document.get(key)!r}; {self.remedy}"
                )
        return {key: value for key, value in document.items() if key not in self.header}


def check_finite(path: Path, name: str, tensor: Tensor) -> None:
    """Refuse a tensor that does not hold finite floats."""
    if not (tensor.is_floating_point() and bool(tensor.isfinite().all())):
        raise WeightsError(
            f"{path}: tensor '{name}' must hold finite floats but does not; the training diverged"
            " or the file is damaged"
        )
