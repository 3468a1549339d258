"""What is said of the project in more than one place is the same in all of them."""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
VOC9 = ROOT / "detector" / "members" / "weights" / "voc9"
WEIGHTS = sorted(
    {
        path.parent
        for package in ("backbones", "detector", "proposals")
        for path in (ROOT / package).rglob("weights/**/*.safetensors")
    }
)


def read_yaml(path: Path) -> Any:
    yaml = pytest.importorskip("yaml", reason="the test extra brings it by way of datasets")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def weights_table(folder: Path) -> list[dict[str, str]]:
    with (folder / "weights.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_citation_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = read_yaml(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["title"] == project["name"]


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "docs" / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert first == "Unreleased"
    assert all(line.startswith(project["version"]) for line in released[:1])


def test_hooks_run_what_ci_runs_and_fetch_nothing() -> None:
    (local,) = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        command = hook["entry"].replace(" --force-exclude", "")
        assert command in [line.removesuffix(" .") for line in ci]


@pytest.mark.parametrize("folder", WEIGHTS, ids=lambda folder: folder.name)
def test_the_table_of_weights_has_each_file_with_its_digest(folder: Path) -> None:
    table = {row["file"]: row for row in weights_table(folder) if row["file"]}
    files = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
    assert files
    assert {name: (int(row["bytes"]), row["sha256"]) for name, row in table.items()} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()
    }


def test_the_card_says_the_scores_of_the_table() -> None:
    card = (VOC9 / "README.md").read_text(encoding="utf-8")
    scores = {row["name"]: row["value"] for row in weights_table(VOC9)}
    names = [name for name in scores if name != VOC9.name]
    header = " | ".join(f"`{name}`" for name in names)
    (line,) = re.findall(rf"^\| {re.escape(header)} \| mean.*\n\|[-|]+\n\| (.+) \|$", card, re.M)
    *members, _, ensemble = line.split(" | ")
    assert members == [scores[name] for name in names]
    assert ensemble == f"**{scores[VOC9.name]}**"
