"""Proposal generators by the names that tools give them; not a tool itself."""

from __future__ import annotations

import argparse

from detector.proposers import (
    Source,
    default_proposer,
    generator_names,
    is_source_name,
    make_generator,
    make_multibox,
    make_source,
)

__all__ = [
    "Source",
    "default_proposer",
    "generator_names",
    "make_generator",
    "make_multibox",
    "make_source",
    "source_name",
]


def source_name(text: str) -> str:
    """Check a name of a source; for argparse's ``type``."""
    if is_source_name(text):
        return text
    raise argparse.ArgumentTypeError(
        f"'{text}' names no generator: choose from {', '.join(generator_names())},"
        " file:PATH and multibox:PATH"
    )
