"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation.kernel_cache import version_folders

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


def test_proposals_alone_need_five_packages() -> None:
    program = """if True:
        import sys
        before = set(sys.modules)
        import proposals, proposals.nms, proposals.ranking, proposals.storage.batch
        names = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(*sorted(names - set(sys.stdlib_module_names) - {"proposals", "foundation"}))
    """
    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    five = {"numpy", "numba", "PIL", "cv2", "skimage"}
    theirs = {"llvmlite", "scipy", "cython_runtime"}  # what numba and numpy load of their own
    loaded = {name for name in ended.stdout.split() if not name.startswith("_")}
    assert loaded <= five | theirs


def test_every_package_with_kernels_is_part_of_the_stamp_of_their_machine_code() -> None:
    with_kernels = {
        package
        for package in MAY_IMPORT
        for source in (ROOT / package).rglob("*.py")
        if "from foundation.kernels import" in source.read_text(encoding="utf-8")
    }
    stamped = {folder.name.partition("-")[0] for folder in version_folders()}
    assert with_kernels <= stamped
    compiled_from = set().union(*(MAY_IMPORT[package] & with_kernels for package in with_kernels))
    assert compiled_from <= stamped
