"""Scripts that make a shell complete commands, flags and file names."""

from __future__ import annotations

import argparse
from pathlib import Path

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

    parser = argparse.ArgumentParser(prog=program)
    subparsers = parser.add_subparsers()
    for name in COMMANDS:
        own = load_command(name).build_parser(f"{program} {name}")
        copy = subparsers.add_parser(name, parents=[own], add_help=False, help=summary(name))
        for action in copy._actions:
            if action.metavar == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.dest == "inputs" or action.type in {Path, output_file}:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    script: str = shtab.complete(parser, shell)
    return script
