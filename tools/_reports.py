"""What the report of a tool's run is made of; not a tool itself."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import _common
from _inputs import open_proposals
from _scores import what_was_scored

with _common.errors_as_lines():
    from detector.classes import ObjectClass
    from detector.datasets import ImageAnnotation
    from detector.report import ReportInput, write_report
    from detector.scoring import Blacklist, Predictions
    from proposals.evaluation.bootstrap import Interval


class Scored(Protocol):
    """What predictions were scored against."""

    @property
    def annotations(self) -> Mapping[int, ImageAnnotation]: ...
    @property
    def classes(self) -> tuple[ObjectClass, ...]: ...
    @property
    def blacklist(self) -> Blacklist: ...


def write_report_of_run(
    options: argparse.Namespace,
    arguments: Sequence[str] | None,
    task: Scored,
    predictions: Predictions,
    mean_ap: Interval,
    skipped: Sequence[str],
) -> Path:
    """Write the report of a run of eval_map with these options; return its path."""
    with open_proposals(options.proposals) as file:
        return write_report(
            options.report,
            ReportInput(
                annotations=task.annotations,
                predictions=predictions,
                classes=task.classes,
                blacklist=task.blacklist,
                protocol=options.protocol,
                mean_ap=mean_ap,
                scored=what_was_scored(options),
                command=_command(arguments),
                date=datetime.now().astimezone(),
                proposals=file,
                skipped=tuple(skipped),
            ),
        )


def _command(arguments: Sequence[str] | None) -> str:
    given = sys.argv[1:] if arguments is None else arguments
    return shlex.join(["python", "tools/eval_map.py", *given])
