"""Run a command of ``inception-rcnn`` from a clone, installed or not; not a command itself."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

_TOOLS = Path(__file__).resolve().parent


def launch(name: str) -> int:
    """Run the command of that name with the words of the command line; return the exit code."""
    # Files here are called like packages: numba would take coverage.py for the one of that name.
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != _TOOLS]
    if find_spec("detector") is None:
        sys.path.insert(0, str(_TOOLS.parent))
    try:
        from detector.commands.main import run_command, settle_blas
    except ModuleNotFoundError as error:
        print(
            f"error: {error}. Run in the folder {_TOOLS.parent}: pip install -e .", file=sys.stderr
        )
        return 2
    settle_blas()
    return run_command(name, sys.argv[1:])
