"""What all command-line tools share; not a tool itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO


def fail(message: object) -> NoReturn:
    """End the tool with one line on stderr and exit code 2."""
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    raise SystemExit(2)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Turn what a user can put right into one line and exit code 2.

    Those are files that cannot be read or written, values that are refused, and an OpenCV
    that does not fit the machine; each message names the remedy.
    """
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except ModuleNotFoundError as error:
        fail(f"{error}. Run in the folder of pyproject.toml first: pip install -e .")
    except ImportError as error:
        if not any(library in str(error) for library in ("libGL", "libgthread")):
            raise
        fail(
            f"OpenCV needs a desktop library that is not here ({error}). Run: pip uninstall"
            " opencv-contrib-python; pip install opencv-contrib-python-headless"
        )
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


@contextmanager
def progress(total: int, description: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many of ``total`` are done.

    It moves a bar where stderr is a terminal and there is more than one; elsewhere nothing
    is shown.
    """
    from tqdm import tqdm

    hidden = total < 2 or not sys.stderr.isatty()
    with tqdm(total=total, desc=description, unit=unit, disable=hidden) as bar:

        def advance_to(done: int) -> None:
            bar.update(done - bar.n)

        yield advance_to


def print_line(line: str, stream: TextIO | None = None) -> None:
    """Print a line at once, on stdout unless told, above a progress bar where there is one."""
    from tqdm import tqdm

    stream = stream or sys.stdout
    tqdm.write(line, file=stream)
    stream.flush()
