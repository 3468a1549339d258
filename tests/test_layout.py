"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
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


MOST_ENTRIES = 16
MOST_LINES = 400
EVERYWHERE = {
    "__init__.py",
    "__init__.pyi",
    "__main__.py",
    "__pycache__",
    "conftest.py",
    "py.typed",
}


def parts_of(module: Path) -> tuple[str, ...]:
    """Return the dotted name of a module, in parts; that of a folder for its __init__.py."""
    parts = module.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


SOURCES = {
    ".".join(parts_of(path)): path
    for package in MAY_IMPORT
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported_names(source: Path) -> Iterator[str]:
    """Yield what a file imports anywhere: modules, and names out of them behind a dot."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(source: Path) -> set[str]:
    """Return the modules of ours that a file imports."""
    names = set(imported_names(source))
    return {name if name in SOURCES else name.rpartition(".")[0] for name in names} & set(SOURCES)


def imported_packages(source: Path) -> Iterator[str]:
    return (name.split(".")[0] for name in imported_names(source))


def assert_no_circle(imports: Mapping[str, set[str]]) -> None:
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


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


def test_modules_import_each_other_in_no_circle() -> None:
    assert_no_circle({name: imported_modules(path) for name, path in SOURCES.items()})


@pytest.mark.parametrize("folder", ["proposals", "backbones", "detector", "detector.training"])
def test_rooms_beside_each_other_import_each_other_in_no_circle(folder: str) -> None:
    rooms = {name for name, path in SOURCES.items() if path.name == "__init__.py"}
    rooms = {name for name in rooms if name.rpartition(".")[0] == folder}
    assert rooms

    def room_of(module: str) -> set[str]:
        return {room for room in rooms if f"{module}.".startswith(f"{room}.")}

    imports: dict[str, set[str]] = {room: set() for room in rooms}
    for name, path in SOURCES.items():
        for room in room_of(name):
            imports[room] |= {other for one in imported_modules(path) for other in room_of(one)}
            imports[room] -= {room}
    assert_no_circle(imports)


def folders_with_code() -> list[Path]:
    roots = [ROOT / name for name in (*MAY_IMPORT, "benchmarks", "tests")]
    folders = {source.parent for root in roots for source in root.rglob("*.py")}
    return sorted(folders)


@pytest.mark.parametrize("folder", folders_with_code(), ids=lambda one: str(one.relative_to(ROOT)))
def test_a_folder_can_be_taken_in_at_a_glance(folder: Path) -> None:
    entries = {entry.name for entry in folder.iterdir()} - EVERYWHERE
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_files_are_short() -> None:
    roots = (*MAY_IMPORT, "benchmarks", "tests", "tools")
    long = [
        str(source.relative_to(ROOT))
        for root in roots
        for source in (ROOT / root).rglob("*.py")
        if len(source.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    ]
    assert not long


def test_every_folder_of_tests_has_the_folder_that_it_tests() -> None:
    tests = ROOT / "tests"
    tested = {source.parent.relative_to(tests) for source in tests.rglob("test_*.py")}
    assert [str(folder) for folder in sorted(tested) if not (ROOT / folder).is_dir()] == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("proposals", "torch"),
        ("proposals.multibox", "scipy.optimize"),
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
        import proposals.many, proposals.nms, proposals.ranking, proposals.storage.batch
        names = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(*sorted(names - set(sys.stdlib_module_names) - {"proposals", "foundation"}))
    """
    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    five = {"numpy", "numba", "PIL", "cv2", "skimage"}
    # What these bring and load; numba reads its settings by PyYAML where others brought that.
    theirs = {"llvmlite", "scipy", "cython_runtime", "lazy_loader", "yaml"}
    loaded = {name for name in ended.stdout.split() if not name.startswith("_")}
    assert loaded <= five | theirs


def test_openvino_is_imported_in_one_place_without_its_telemetry() -> None:
    roots = (*MAY_IMPORT, "benchmarks", "tests", "tools")
    sources = [source for root in roots for source in (ROOT / root).rglob("*.py")]
    found = [source.name for source in sources if "openvino" in imported_packages(source)]
    assert found == ["quiet_openvino.py"]


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


def test_documents_point_at_what_is_there() -> None:
    folders = [ROOT / name for name in (*MAY_IMPORT, "docs", "benchmarks", ".github")]
    for document in [ROOT / "README.md", *(path for one in folders for path in one.rglob("*.md"))]:
        text = document.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
        files = [document.parent / link for link in links if "://" not in link]
        code = re.findall(r"`((?:\w+/)+\w+\.(?:py|tsv|json|toml))`", text)
        files += [ROOT / path for path in code]
        gone = [str(path) for path in files if not path.resolve().exists()]
        assert not gone, f"{document} names {gone}"
        assert not re.search(r"@[A-Z]+@", text), f"{document} has a gap to fill in"


def test_detection_needs_no_pytorch() -> None:
    program = """if True:
        import sys
        sys.modules["torch"] = sys.modules["torchvision"] = None  # as if they were not installed
        import numpy as np
        from detector import Detector
        found = Detector.from_pretrained().detect(np.full((40, 60, 3), 9, np.uint8))
        print(len(found.classes))
    """
    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    assert int(ended.stdout) > 0
