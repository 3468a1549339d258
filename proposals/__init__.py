"""Class-agnostic object proposals; usable alone, and light to import.

What stands here is loaded when it is asked for, so that settings do not wait for the kernels.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proposals.images import ImageError, read_image
    from proposals.result import Proposals, Proposer
    from proposals.selective_search.search import MODES, SelectiveSearch, SelectiveSearchConfig
    from proposals.storage.header import ProposalFileError
    from proposals.storage.proposal_file import ProposalFile

__all__ = [
    "MODES",
    "ImageError",
    "ProposalFile",
    "ProposalFileError",
    "Proposals",
    "Proposer",
    "SelectiveSearch",
    "SelectiveSearchConfig",
    "read_image",
]

_HOMES = {
    "MODES": "proposals.selective_search.search",
    "ImageError": "proposals.images",
    "ProposalFile": "proposals.storage.proposal_file",
    "ProposalFileError": "proposals.storage.header",
    "Proposals": "proposals.result",
    "Proposer": "proposals.result",
    "SelectiveSearch": "proposals.selective_search.search",
    "SelectiveSearchConfig": "proposals.selective_search.search",
    "read_image": "proposals.images",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'proposals' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
