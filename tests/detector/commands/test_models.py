from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.config import DEFAULT_MODEL, DetectorConfig
from detector.members import models as shipped
from detector.members.ensemble_file import Ensemble, save_ensemble
from detector.members.file import save_member
from detector.members.member import Member

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def package(tmp_path: Path, member: Member, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a package in which the default model ships, and one of two members."""
    for model, members in ((DEFAULT_MODEL, "a"), ("a-second-one", "bc")):
        for name in members:
            save_member(tmp_path / "weights" / model / f"{name}.safetensors", member)
        save_ensemble(
            tmp_path / "weights" / model / "ensemble.json",
            Ensemble(f"This is {model}.", DetectorConfig()),
        )
    monkeypatch.setattr(shipped, "files", lambda _: tmp_path)
    return tmp_path


def test_the_models_that_ship_are_listed(models: Tool, package: Path) -> None:
    shown = models(package)
    assert (shown.returncode, shown.stderr) == (0, "")
    size = (package / "weights" / DEFAULT_MODEL / "a.safetensors").stat().st_size
    assert [line.split(maxsplit=5) for line in shown.stdout.splitlines()] == [
        ["model", "default", "members", "classes", "MB", "description"],
        ["a-second-one", "no", "2", "3", f"{2 * size / 1e6:.1f}", "This is a-second-one."],
        [DEFAULT_MODEL, "yes", "1", "3", f"{size / 1e6:.1f}", f"This is {DEFAULT_MODEL}."],
    ]


def test_json_names_the_members(models: Tool, package: Path) -> None:
    second, default = json.loads(models(package, "--json").stdout)
    assert second["members"] == ["b", "c"]
    assert default == {
        "name": DEFAULT_MODEL,
        "default": True,
        "members": ["a"],
        "classes": 3,
        "bytes": second["bytes"] // 2,
        "description": f"This is {DEFAULT_MODEL}.",
    }


def test_an_installation_without_models_lists_none(
    models: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "files", lambda _: tmp_path)
    assert len(models(tmp_path).stdout.splitlines()) == 1
    assert json.loads(models(tmp_path, "--json").stdout) == []


def test_a_damaged_file_is_one_line(models: Tool, package: Path) -> None:
    (package / "weights" / DEFAULT_MODEL / "ensemble.json").write_text("{}")
    refused = models(package)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "ensemble.json: format must be 'inception-rcnn ensemble'" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
