"""Class-agnostic object proposals; usable alone, and light to import."""

from proposals.images import ImageError, read_image
from proposals.proposal_file import ProposalFile
from proposals.proposal_header import ProposalFileError
from proposals.result import Proposals, Proposer
from proposals.selective_search import MODES, SelectiveSearch, SelectiveSearchConfig

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
