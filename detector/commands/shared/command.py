"""Parsers of commands, and their errors: one line on stderr and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple, NoReturn, Protocol


class Command(Protocol):
    """What the module of a command holds; its docstring is what ``--help`` shows."""

    __doc__: str | None

    def build_parser(self, program: str | None) -> argparse.ArgumentParser:
        """Return the parser, which calls itself ``program`` in its usage line."""

    def run(self, options: argparse.Namespace) -> int:
        """Run with what the parser gives, and return the exit code."""


class _Extra(NamedTuple):
    package: str
    extra: str  # of pyproject.toml, that brings the package


_EXTRAS = MappingProxyType(
    {
        "torch": _Extra("PyTorch", "train"),
        "torchvision": _Extra("torchvision", "train"),
        "sklearn": _Extra("scikit-learn", "svm"),
        "tensorboard": _Extra("TensorBoard", "tensorboard"),
        "shtab": _Extra("shtab", "completion"),
    }
)
"""Packages that not every installation has, by the name they are imported by."""


def fail(message: object) -> NoReturn:
    """End the command with one line on stderr and exit code 2."""
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    raise SystemExit(2)


def refuse_usage(message: str) -> NoReturn:
    """End a command whose words do not fit together."""
    fail(f"{message} (see --help)")


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Turn what a user can put right into one line and exit code 2.

    Those are files that cannot be read or written, values that are refused, an OpenCV that does
    not fit the machine, and an extra that is not installed; each message names the remedy.
    """
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except ImportError as error:
        if (remedy := _import_remedy(error)) is None:
            raise
        fail(remedy)
    except (OSError, ValueError) as error:
        fail(error)


def _import_remedy(error: ImportError) -> str | None:
    """Say what to install; None for a fault of the program."""
    missing = _EXTRAS.get((error.name or "").partition(".")[0])
    if missing is not None:
        package, extra = missing
        return (
            f'this command needs {package}: pip install "inception-rcnn[{extra}]", or in a clone'
            f' pip install -e ".[{extra}]"'
        )
    if error.name == "cv2":
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"{error}. Run in the folder of pyproject.toml first: pip install -e ."
    return None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        refuse_usage(message)


def teaching_parser(manual: str | None, program: str | None) -> argparse.ArgumentParser:
    """Return a parser whose ``--help`` shows a command's docstring as it is written.

    ``program`` is what the usage line calls it; the file of the script when None.
    """
    return _Parser(
        prog=program,
        description=manual,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
