"""Proposal generators by the names that tools give them; not a tool itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proposals import Proposer


def make_generator(name: str, *, seed: int, threads: int | None) -> Proposer:
    """Return a generator.

    Parameters
    ----------
    name : str
        Out of `GENERATORS`.
    seed : int
        Of what is random in its ranking.
    threads : int or None
        Threads that share one image; as many as there are processors when None.
    """
    return GENERATORS[name](name, seed, threads)


def _selective_search(mode: str, seed: int, threads: int | None) -> Proposer:
    from proposals import SelectiveSearch

    return SelectiveSearch(mode, seed=seed, threads=threads)


GENERATORS: Mapping[str, Callable[[str, int, int | None], Proposer]] = MappingProxyType(
    {"doubled": _selective_search, "fast": _selective_search}
)
"""Makers by name."""
