"""Class-agnostic object proposals; usable alone, and light to import."""

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
