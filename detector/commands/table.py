"""The subcommands by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from detector.commands.shared.command import Command

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "detect": "detector.commands.detection.detect",
        "models": "detector.commands.models",
        "classes": "detector.commands.classes",
        "classify": "detector.commands.classify",
        "propose": "detector.commands.propose",
        "eval-map": "detector.commands.evaluation.eval_map",
        "compare": "detector.commands.evaluation.compare",
        "coverage": "detector.commands.evaluation.coverage",
        "check-dataset": "detector.commands.check_dataset",
        "convert-dataset": "detector.commands.convert_dataset",
        "train": "detector.commands.training.train",
        "train-classifier": "detector.commands.training.train_classifier",
        "train-svm": "detector.commands.training.train_svm",
        "train-multibox": "detector.commands.training.train_multibox",
        "train-ranking": "detector.commands.training.train_ranking",
        "calibrate": "detector.commands.training.calibrate",
        "tune-cascade": "detector.commands.training.tune_cascade",
        "export": "detector.commands.export",
        "warm-up": "detector.commands.warm_up",
    }
)
"""Modules of the subcommands, by name; a module is imported when its command is run."""


def load_command(name: str) -> Command:
    """Import a command out of `COMMANDS`."""
    return cast(Command, import_module(COMMANDS[name]))


def summary(name: str) -> str:
    """Return what a command is for: how the first line of its help begins."""
    first = (load_command(name).__doc__ or "").partition("\n")[0]
    return first.partition(":")[0].rstrip(".")
