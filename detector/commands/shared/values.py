"""Values of flags, each read by a function for argparse's ``type``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from foundation.spelling import did_you_mean


def count_from_one(text: str) -> int:
    """Read a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, but is '{text}'")
    return int(text)


def count_from_zero(text: str) -> int:
    """Read a whole number from 0 on."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, but is '{text}'")
    return int(text)


def seed(text: str) -> int:
    """Read a seed of random numbers: from 0 to 2^32 - 1."""
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 32):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2^32 - 1, not '{text}'")
    return int(text)


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1 but got {text}")
    return value


def threshold(text: str) -> tuple[str | None, float]:
    """Read a number from 0 to 1, or such a number of a class, ``KEY=0.7``; the key or None first.

    A key that is none of the classes is found when those are known.
    """
    key, equals, value = text.rpartition("=")
    if equals and not key.strip():
        raise argparse.ArgumentTypeError(f"must be a number or CLASS=NUMBER but got '{text}'")
    return (key or None), share(value)


def points(text: str) -> float:
    """Read a number from 0 on, in points of mAP."""
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more but got {text}")
    return value


def folds(text: str) -> frozenset[int]:
    """Read folds of a data set, such as ``0`` or ``1-9``."""
    from detector.datasets.folds import parse_folds

    try:
        return parse_folds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def output_file(text: str) -> Path:
    """Read the name of a file to write."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"must be a file, but '{text}' is a folder")
    return Path(text)


def output_folder(text: str) -> Path:
    """Read the name of a folder to write to."""
    if Path(text).exists() and not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"must be a folder, but '{text}' is a file")
    return Path(text)


def existing_folder(text: str) -> Path:
    """Read the name of a folder to read from."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"must be a folder, but '{text}' is none")
    return Path(text)


def one_of(load_names: Callable[[], Sequence[str]]) -> Callable[[str], str]:
    """Make a reader of names that are slow to import: they are when the flag is given.

    It stands where argparse's ``choices`` would import them for every ``--help``.
    """

    def read(text: str) -> str:
        names = load_names()
        if text not in names:
            raise argparse.ArgumentTypeError(
                f"invalid choice: '{text}'{did_you_mean(text, names)}, choose from"
                f" {', '.join(names)}"
            )
        return text

    return read
