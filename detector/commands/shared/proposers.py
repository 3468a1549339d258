"""Values of flags that name what proposes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from detector.commands.shared.values import one_of
from foundation.spelling import did_you_mean

PROPOSERS: Final = (
    "doubled, fast, single, quality, multibox, merged, merged-doubled, opencv-fast, opencv-quality"
    " or opencv-single"
)
"""The names of `detector.proposers.generator_names`, which takes long to import, for help texts."""

MIN_SIDE: Final = (
    "smallest side of Selective Search's boxes, in pixels of the picture at a width of 500"
    " (default: R-CNN's, and in merged a smaller one)"
)
"""Help of ``--min-side``."""


def _names() -> Sequence[str]:
    from detector.proposers import generator_names

    return generator_names()


proposer_name = one_of(_names)
"""Reads a name of `detector.proposers.generator_names`; for argparse's ``type``."""


def source_or_file(text: str) -> str:
    """Read a name of `detector.proposers.make_source`; for argparse's ``type``."""
    from detector.proposers import generator_names, is_source_name

    if not is_source_name(text):
        names = generator_names()
        raise argparse.ArgumentTypeError(
            f"'{text}' names no generator{did_you_mean(text, names)}: choose from"
            f" {', '.join(names)}, file:PATH and multibox:PATH"
        )
    return text
