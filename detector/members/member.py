"""A trained network as arrays, with its settings: what every engine starts from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from backbones.layout import parameter_shapes
from detector.members.settings import MemberSettings


class MemberSource(Protocol):
    """A member, or a file of one that is not read before its tensors are needed."""

    @property
    def settings(self) -> MemberSettings:
        """All but the tensors."""
        ...

    def digest(self) -> str:
        """Return a name that differs wherever settings or tensors do."""
        ...

    def read(self) -> Member:
        """Return the member with its tensors."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Member(MemberSettings):
    """A trained network with all that is needed to use it.

    Attributes
    ----------
    tensors : mapping of str to ndarray
        Weights of a GoogLeNet by `backbones.layout.parameter_shapes`, float16 or float32, with
        C + 1 outputs: output 0 is the background, output i + 1 is ``classes[i]``.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """

    tensors: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        super().__post_init__()
        outputs = len(self.classes) + 1
        found = {name: tensor.shape for name, tensor in self.tensors.items()}
        if found != parameter_shapes(outputs):
            raise ValueError(
                f"tensors must be those of a GoogLeNet with {outputs} outputs (the background,"
                f" then {len(self.classes)} classes) but got {_difference(found, outputs)}"
            )

    @property
    def settings(self) -> MemberSettings:
        """The member itself; see `MemberSource`."""
        return self

    def digest(self) -> str:
        """Return a name that differs wherever settings or tensors do."""
        state = hashlib.blake2b(json.dumps(self.to_document(), sort_keys=True).encode())
        for name in sorted(self.tensors):
            tensor = self.tensors[name]
            state.update(f"{name} {tensor.dtype}".encode())
            state.update(tensor.tobytes())
        return state.hexdigest()

    def read(self) -> Member:
        """Return the member itself."""
        return self


def _difference(found: Mapping[str, tuple[int, ...]], outputs: int) -> str:
    wanted = parameter_shapes(outputs)
    name = next(n for n in [*wanted, *found] if found.get(n) != wanted.get(n))
    return f"'{name}' of shape {found.get(name)} in place of {wanted.get(name)}"
