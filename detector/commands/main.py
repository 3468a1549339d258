"""The one command, ``inception-rcnn``, and the subcommands it runs by name."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from detector.commands.shared.command import errors_as_lines, refuse_usage, teaching_parser
from detector.commands.table import COMMANDS, load_command, summary
from foundation.spelling import did_you_mean

_PROGRAM = "inception-rcnn"
_NAME_WIDTH = 18


def main(arguments: Sequence[str] | None = None, program: str = _PROGRAM) -> int:
    """Run a subcommand, and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the program's name; those of the command line when left out.
    program : str
        What usage lines call the program.
    """
    settle_blas()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and not words[0].startswith("-"):
        return run_command(words[0], words[1:], f"{program} {words[0]}")
    with errors_as_lines():
        print(_answer(_parser(program).parse_args(words), program))
    return 0


def settle_blas() -> None:
    """Keep NumPy's OpenBLAS to one thread, before NumPy is imported.

    Its others would wait busily for the first milliseconds of every command, one for each
    processor, and nothing here multiplies large matrices with it.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run_command(name: str, arguments: Sequence[str], program: str | None = None) -> int:
    """Run one subcommand, and return its exit code.

    Parameters
    ----------
    name : str
        Out of `COMMANDS`.
    arguments : sequence of str
    program : str, optional
        What its usage line calls it; the file of the script when left out.
    """
    if name not in COMMANDS:
        refuse_usage(f"'{name}' is no command{did_you_mean(name, COMMANDS)}")
    with errors_as_lines():
        command = load_command(name)
        options = command.build_parser(program).parse_args(arguments)
        options.arguments = tuple(arguments)  # as they were given, for what a report says of them
        return command.run(options)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = teaching_parser(_manual(program), program)
    parser.usage = f"{program} [--help] [--version] COMMAND ..."
    add = parser.add_argument
    # fmt: off
    add("--version", action="store_true", help="show the version, and do nothing else")
    add("--print-completion", choices=("bash", "zsh", "tcsh"), metavar="SHELL",
        help="print what makes a shell complete commands and flags: bash, zsh or tcsh (pip install"
        ' "inception-rcnn[completion]")')
    # fmt: on
    return parser


def _answer(options: argparse.Namespace, program: str) -> str:
    """Return what a flag of the program itself asks for."""
    if options.print_completion is not None:
        from detector.commands.completion import completion_script

        return completion_script(options.print_completion, program)
    if not options.version:
        refuse_usage("name a command")
    from proposals.storage.header import package_version

    return package_version()


def _manual(program: str) -> str:
    """Return the list of commands, each with what it is for."""
    lines = ["Detect objects as R-CNN does, with Inception networks.", "", "Commands:"]
    for name in COMMANDS:
        lines.append(f"  {name:<{_NAME_WIDTH}}{summary(name)}")
    return "\n".join([*lines, "", f"{program} COMMAND --help teaches a command by examples."])
