"""Selective Search (Uijlings et al., IJCV 2013), as R-CNN and GoogLeNet used it."""

from __future__ import annotations

from proposals.selective_search.config import MODES, SelectiveSearchConfig
from proposals.selective_search.search import SelectiveSearch

__all__ = ["MODES", "SelectiveSearch", "SelectiveSearchConfig"]
