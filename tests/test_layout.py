"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "foundation": {"foundation"},
    "proposals": {"proposals", "foundation"},
    "backbones": {"backbones", "foundation"},
    "detector": {"detector", "proposals", "backbones", "foundation"},
}


def imported_packages(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_dependencies_point_one_way(package: str) -> None:
    sources = list((ROOT / package).rglob("*.py"))
    assert sources
    ours = {*MAY_IMPORT, "tools", "tests", "benchmarks"}
    for source in sources:
        wrong = set(imported_packages(source)) & (ours - MAY_IMPORT[package])
        assert not wrong, f"{source.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_every_folder_is_a_package_that_is_shipped(package: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert f"{package}*" in settings["tool"]["setuptools"]["packages"]["find"]["include"]
    for folder in {source.parent for source in (ROOT / package).rglob("*.py")}:
        assert (folder / "__init__.py").exists(), folder


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("proposals", "torch"),
        ("backbones", "torchvision"),
        ("detector", "torch"),
        ("detector.scoring", "torch"),
        ("detector.scoring", "pycocotools"),
        ("detector.datasets", "torch"),
        ("detector.report", "torch"),
    ],
)
def test_light_imports_stay_light(module: str, heavy: str) -> None:
    program = f"import sys, {module}; sys.exit('{heavy}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
