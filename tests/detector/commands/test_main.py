from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from detector.commands.main import main
from detector.commands.shared.proposers import PROPOSERS
from detector.commands.table import COMMANDS, load_command
from detector.proposers import generator_names
from detector.scoring import PROTOCOLS

ROOT = Path(__file__).parents[3]
Objects = Sequence[tuple[str, tuple[int, int, int, int]]]  # WordNet id and inclusive corners
HEAVY = ("torch", "numba", "openvino", "matplotlib", "cv2", "skimage")


def ended(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int | str | None, str, str]:
    """Return the exit code of the command line, and what it prints on both streams."""
    try:
        code: int | str | None = main(words)
    except SystemExit as end:
        code = end.code
    return (code, *capsys.readouterr())


def test_help_lists_every_command_with_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown, _ = ended(capsys, "--help")
    assert code == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} +[A-Z]", shown, re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_names_it_as_it_was_called(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown, _ = ended(capsys, name, "--help")
    assert code == 0
    assert shown.startswith(f"usage: inception-rcnn {name} [-h]")
    assert re.search(rf"\n    inception-rcnn {name}\b", shown)  # an example
    assert "tools/" not in shown


def test_the_same_flags_have_the_same_short_forms() -> None:
    short = {"--out": "-o", "--json": "-j", "--threshold": "-t"}
    for name in COMMANDS:
        for action in load_command(name).build_parser(None)._actions:
            for long in short.keys() & set(action.option_strings):
                assert action.option_strings == [short[long], long], name


def test_names_that_are_slow_to_import_stand_in_the_help_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert PROPOSERS.replace(" or", ",").split(", ") == list(generator_names())
    *first, last = PROTOCOLS
    _, shown, _ = ended(capsys, "eval-map", "--help")
    assert f"{', '.join(first)} or {last}" in " ".join(shown.split())


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from detector.commands.table import COMMANDS, load_command\n"
        "for name in COMMANDS: load_command(name).build_parser(None).format_help()\n"
        f"sys.exit(', '.join(sys.modules.keys() & {set(HEAVY)!r}) or 0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_python_m_detector_is_the_same_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "detector", "compare", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0
    assert run.stdout.startswith("usage: python -m detector compare [-h]")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, "--version") == (0, f"inception-rcnn {version('inception-rcnn')}\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a command (see --help)"),
        (("detcet", "a.jpg"), "'detcet' is no command (did you mean 'detect'?) (see --help)"),
        (("eval_map",), "'eval_map' is no command (did you mean 'eval-map'?) (see --help)"),
        (("fly",), "'fly' is no command (see --help)"),
        (("--fly",), "unrecognized arguments: --fly (see --help)"),
        (("detect", "--fly"), "unrecognized arguments: --fly (see --help)"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(capsys, *words) == (2, "", f"error: {message}\n")


WITHOUT_PYTORCH = """
import sys
sys.modules["torch"] = sys.modules["torchvision"] = None  # as if they were not installed
from detector.commands.main import main
from detector.members.models import open_model
tree = ["--root", "tree", "--split", "val"]
few = ["--members", open_model().members[0].path.stem, "--max-proposals", "3"]
for words in (
    ["propose", "tree/Data", "-o", "boxes.parquet"],
    ["coverage", *tree, "--generators", "merged", "multibox"],
    ["check-dataset", "--root", "tree", "--split", "val", "--pictures"],
    ["convert-dataset", "--root", "tree", "--split", "val", "--to", "coco", "-o", "converted"],
    ["eval-map", *tree, *few, "-j", "scores.json", "--report", "report"],
    ["eval-map", *tree, "--predictions", "predictions_val.txt", "-j", "same.json"],
    ["compare", "scores.json", "same.json", "--plot", "plot.png"],
    ["export", "-o", "detector.onnx", "--arithmetic", "int8"],
    ["models"],
    ["classes", "--weights", "detector.onnx"],
    ["detect", "tree/Data", "--weights", "detector.onnx", "--max-proposals", "3"],
):
    print(words[0], main(words))
"""


def test_all_but_training_and_classification_needs_no_pytorch(
    write_split: Callable[[Path, Mapping[str, Objects]], None], tmp_path: Path
) -> None:
    write_split(tmp_path / "tree", {"a": [("n02121808", (5, 5, 95, 95))]})
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYTORCH],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    codes = re.findall(r"^([\w-]+) (\d+)$", run.stdout, re.MULTILINE)
    assert [code for _, code in codes] == ["0"] * 11, codes
