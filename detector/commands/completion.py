"""Scripts that make a shell complete commands, flags and file names."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from detector.commands.shared.detectors import MODEL_METAVAR
from detector.commands.shared.values import output_file
from detector.commands.table import COMMANDS, load_command, summary


def completion_script(shell: str, program: str) -> str:
    """Return the script for a shell.

    Parameters
    ----------
    shell : {"bash", "zsh", "tcsh"}
    program : str
        Name of the command that is completed.

    Raises
    ------
    ModuleNotFoundError
        If shtab is not installed.
    """
    import shtab

    models = _completes_models()
    parser = argparse.ArgumentParser(prog=program)
    subparsers = parser.add_subparsers()
    for name in COMMANDS:
        own = load_command(name).build_parser(f"{program} {name}")
        copy = subparsers.add_parser(name, parents=[own], add_help=False, help=summary(name))
        for action in copy._actions:
            if action.metavar == MODEL_METAVAR:
                action.complete = models  # type: ignore[attr-defined]
            elif action.metavar == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.dest == "inputs" or action.type in {Path, output_file}:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    script: str = shtab.complete(parser, shell)
    return script


def _completes_models() -> dict[str, Any]:
    """Return what completes a model: names of those that ship, and folders."""
    from detector.members.models import shipped_models

    names = " ".join(shipped_models())
    function = "_inception_rcnn_models"
    return {
        "bash": function,
        "zsh": function,
        "tcsh": "d",  # one kind only: folders
        "preamble": {
            "bash": f'{function}() {{ compgen -W "{names}" -- "$1"; compgen -d -- "$1"; }}',
            "zsh": f"{function}() {{ compadd -- {names}; _files -/; }}",
        },
    }
