"""Selective Search (Uijlings et al., IJCV 2013), as R-CNN and GoogLeNet used it."""

from __future__ import annotations

from proposals.selective_search.search import MODES, SelectiveSearch, SelectiveSearchConfig

__all__ = ["MODES", "SelectiveSearch", "SelectiveSearchConfig"]
