"""Class-agnostic object proposals; usable alone, and light to import."""

from proposals.images import ImageError, read_image
from proposals.result import Proposals, Proposer
from proposals.selective_search import MODES, SelectiveSearch, SelectiveSearchConfig

__all__ = [
    "MODES",
    "ImageError",
    "Proposals",
    "Proposer",
    "SelectiveSearch",
    "SelectiveSearchConfig",
    "read_image",
]
