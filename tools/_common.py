"""What all command-line tools share; not a tool itself."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

_SECONDS_APART = 30.0  # between lines of progress where there is no terminal


def fail(message: object) -> NoReturn:
    """End the tool with one line on stderr and exit code 2."""
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    raise SystemExit(2)


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
    except ModuleNotFoundError as error:
        fail(f"{error}. Run in the folder of pyproject.toml first: pip install -e .")
    except ImportError as error:
        if error.name not in {"cv2", "sklearn"}:
            raise
        fail(error)
    except (OSError, ValueError) as error:
        fail(error)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(f"{message} (see --help)")


def teaching_parser(manual: str | None) -> argparse.ArgumentParser:
    """Return a parser whose ``--help`` shows a tool's module docstring as it is written."""
    return _Parser(
        description=manual, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def count_from_one(text: str) -> int:
    """Read a whole number from 1 on; for argparse's ``type``."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, but is '{text}'")
    return int(text)


def count_from_zero(text: str) -> int:
    """Read a whole number from 0 on; for argparse's ``type``."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, but is '{text}'")
    return int(text)


def output_file(text: str) -> Path:
    """Read the name of a file to write; for argparse's ``type``."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"must be a file, but '{text}' is a folder")
    return Path(text)


def output_folder(text: str) -> Path:
    """Read the name of a folder to write to; for argparse's ``type``."""
    if Path(text).exists() and not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"must be a folder, but '{text}' is a file")
    return Path(text)


@contextmanager
def progress(total: int, description: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many of ``total`` are done.

    It moves a bar where stderr is a terminal, and prints a line now and then elsewhere.
    """
    if not sys.stderr.isatty():
        yield _PlainProgress(total, description, unit)
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=description, unit=unit, disable=total < 2) as bar:
        yield lambda done: _move_to(bar, done)


def _move_to(bar: tqdm[NoReturn], done: int) -> None:
    bar.update(done - bar.n)


class _PlainProgress:
    """Prints how far the work is every half minute, and of work that took longer, its end."""

    def __init__(self, total: int, description: str, unit: str) -> None:
        self._total = total
        self._description = description
        self._unit = unit
        self._start = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        since = self._start if done == self._total else self._last
        if now - since < _SECONDS_APART:
            return
        self._last = now
        print(
            f"{self._description}: {done} of {self._total} {self._unit}s in"
            f" {now - self._start:.0f} s",
            file=sys.stderr,
            flush=True,
        )


def print_line(line: str, stream: TextIO | None = None) -> None:
    """Print a line at once, on stdout unless told, above a progress bar where there is one."""
    from tqdm import tqdm

    stream = stream or sys.stdout
    tqdm.write(line, file=stream)
    stream.flush()
