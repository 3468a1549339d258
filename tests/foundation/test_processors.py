from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from foundation.processors import available_processors


def machine(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below a root; those of a control group are named without ``sys/fs/cgroup``."""
    for name, text in files.items():
        path = root / name if name.startswith("proc/") else root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(autouse=True)
def _bound_to_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


V2 = {"proc/self/cgroup": "0::/\n"}
V1 = {"proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": ""}, 8),
        ({"proc/self/cgroup": "no line of a control group\n"}, 8),
        (V2, 8),
        (V2 | {"cpu.max": ""}, 8),
        (V2 | {"cpu.max": "max 100000\n"}, 8),
        (V2 | {"cpu.max": "100000 0\n"}, 8),
        (V2 | {"cpu.max": "200000 100000\n"}, 2),
        (V2 | {"cpu.max": "150000 100000\n"}, 2),
        (V2 | {"cpu.max": "1000 100000\n"}, 1),
        (V2 | {"cpu.max": "6400000 100000\n"}, 8),
    ],
)
def test_a_containers_quota_bounds_the_number(
    files: dict[str, str], expected: int, tmp_path: Path
) -> None:
    assert available_processors(machine(tmp_path, files)) == expected


@pytest.mark.parametrize("limited", [".", "jobs.slice", "jobs.slice/one"])
def test_the_quotas_of_all_groups_above_count(limited: str, tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/jobs.slice/one\n", f"{limited}/cpu.max": "300000 100000\n"}
    files.setdefault("jobs.slice/one/cpu.max", "max 100000\n")
    assert available_processors(machine(tmp_path, files)) == 3


def test_a_group_beside_does_not_count(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/jobs.slice/one\n", "other/cpu.max": "100000 100000\n"}
    assert available_processors(machine(tmp_path, files)) == 8


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct", "cpu/docker/abc", "cpu/docker"])
@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("50000", 1), ("450000", 5)])
def test_quotas_of_version_1_count(folder: str, quota: str, expected: int, tmp_path: Path) -> None:
    files = {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": "100000\n"}
    assert available_processors(machine(tmp_path, V1 | files)) == expected


def test_a_group_that_is_mounted_elsewhere_leaves_the_topmost(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/../../other\n", "cpu.max": "200000 100000\n"}
    files["../../other/cpu.max"] = "100000 100000\n"
    assert available_processors(machine(tmp_path, files)) == 2


def test_processors_to_which_the_process_is_bound_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5}, raising=False)
    assert available_processors(machine(tmp_path, V2 | {"cpu.max": "400000 100000"})) == 1


@pytest.mark.parametrize(("count", "expected"), [(6, 6), (None, 1)])
def test_systems_that_bind_no_process_count_all(
    count: int | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert available_processors(tmp_path) == expected


def test_this_machine_has_one_at_least() -> None:
    assert available_processors() >= 1
