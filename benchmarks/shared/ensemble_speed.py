"""Seconds an image of one member and of all, with and without stem and cascade; and to load."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detector.config import DetectorConfig, Execution
from detector.engines import make_engine
from detector.members.file import load_member
from detector.members.member import Member
from detector.rcnn import Detector, Task, default_proposer

_IMAGES_A_TURN = 3
ONE = "one member"


def measure_speed(
    members: Sequence[Member], config: DetectorConfig, execution: Execution, tasks: Sequence[Task]
) -> dict[str, dict[str, float]]:
    """Return seconds an image, and how many times those of one member.

    The detectors take turns on a few images each, another first each time, so that a machine
    that is busy for a while slows them alike. One image warms them up before.
    """
    detectors = make_detectors(members, config, execution)
    seconds = dict.fromkeys(detectors, 0.0)
    detect_all(detectors, tasks[:1], first=0)
    for turn, start in enumerate(range(0, len(tasks), _IMAGES_A_TURN)):
        spent = detect_all(detectors, tasks[start : start + _IMAGES_A_TURN], first=turn)
        seconds = {name: total + spent[name] for name, total in seconds.items()}
    return {
        name: {"s/image": total / len(tasks), "ratio": total / seconds[ONE]}
        for name, total in seconds.items()
    }


def make_detectors(
    members: Sequence[Member], config: DetectorConfig, execution: Execution
) -> dict[str, Detector]:
    """Return what is compared; all of one proposer."""
    proposer = default_proposer()
    exact = replace(config, cascade_threshold=0.0)
    first = make_engine(members[:1], execution)
    detectors = {ONE: Detector(first, proposer, exact)}
    for stem, those in (("own stems", with_own_stems(members)), ("one stem", members)):
        everyone, others = (make_engine(part, execution) for part in (those, those[1:]))
        detectors |= {
            f"all {len(members)}, {stem}": Detector(everyone, proposer, exact),
            f"cascade, {stem}": Detector(first, proposer, config, others),
        }
    return detectors


def with_own_stems(members: Sequence[Member]) -> list[Member]:
    """Return members whose stems differ by a hair, so that each has to run by itself."""
    apart = []
    for number, member in enumerate(members):
        bias = member.tensors["conv1.bias"].astype(np.float32) + np.float32(1e-4 * number)
        apart.append(replace(member, tensors={**member.tensors, "conv1.bias": bias}))
    return apart


def detect_all(
    detectors: dict[str, Detector], tasks: Sequence[Task], first: int
) -> dict[str, float]:
    """Detect on the images with each detector, the one of number ``first`` first."""
    names = list(detectors)
    shift = first % len(names)
    seconds = {}
    for name in names[shift:] + names[:shift]:
        start = time.perf_counter()
        for _ in detectors[name].detect_all(tasks):
            pass
        seconds[name] = time.perf_counter() - start
    return seconds


def print_speed(figures: dict[str, dict[str, float]], what: str) -> None:
    """Print the table."""
    print(what)
    for name, row in figures.items():
        print(f"{name:24} {row['s/image']:7.3f} s an image  {row['ratio']:5.2f}")


def measure_loading(paths: Sequence[Path], rounds: int = 5) -> list[float]:
    """Return the seconds to read the files of all members, of each round."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        for path in paths:
            load_member(path)
        seconds.append(round(time.perf_counter() - start, 3))
    return seconds
