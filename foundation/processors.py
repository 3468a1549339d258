"""How many processors this process may use, which is not how many the machine has.

A scheduler may pin a process to some of them, and a container may have a quota of their time.
Threads beyond that only get in each other's way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_CPU_FOLDERS_V1 = ("cpu", "cpu,cpuacct", "cpuacct,cpu")  # what version 1 calls its controller


def available_processors(root: Path = Path("/")) -> int:
    """Return how many threads can run at the same time, at least 1.

    That is the number of processors to which the process is bound, or less where a control
    group of Linux (version 1 or 2) limits their time. A part of a processor counts as one, as
    otherwise the part would lie idle.

    Parameters
    ----------
    root : Path
        Of the file system in which ``proc`` and ``sys/fs/cgroup`` are looked for.
    """
    quotas = [quota for folder in _group_folders(root) if (quota := _quota(folder)) is not None]
    return max(1, min([_bound_processors(), *quotas]))


def _bound_processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # on Linux and some others
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _group_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's control groups with all above, which limit it, too.

    Inside a container the kernel may name a folder as it is called outside; what is there of
    it is looked at, and at least the topmost, which is the container's own.
    """
    mount = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # A line without controllers is of version 2.
        tops = [mount / name for name in _CPU_FOLDERS_V1] if controllers else [mount]
        own = Path(group.lstrip("/"))
        if ".." in own.parts:  # outside of what is mounted here
            own = Path()
        yield from (top / folder for top in tops for folder in (own, *own.parents))


def _quota(folder: Path) -> int | None:
    """Return the processors' time that a control group may use, rounded up; None for all."""
    words = _text(folder / "cpu.max").split()
    if not words:
        quota, period = (_text(folder / f"cpu.cfs_{what}_us") for what in ("quota", "period"))
        words = [quota.strip(), period.strip()]
    if len(words) != 2 or not all(word.isdigit() and int(word) > 0 for word in words):
        return None  # "max", -1, or nothing that this code knows
    quota_us, period_us = map(int, words)
    return -(-quota_us // period_us)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
