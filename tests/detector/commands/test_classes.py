from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector.classes import ObjectClass
from detector.config import DEFAULT_MODEL
from detector.engines.onnx_file import save_onnx
from detector.members.file import save_member
from detector.members.member import Member
from detector.members.models import open_model

Tool = Callable[..., subprocess.CompletedProcess[str]]
TABLE = [
    "number  wnid       name",
    "   124  n00007846  person",
    "    58  n02084071  dog",
    "    59  n02121808  domestic_cat",
]


@pytest.fixture
def folder(tmp_path: Path, member: Member) -> Path:
    save_member(tmp_path / "mine" / "a.safetensors", member)
    save_onnx(tmp_path / "d.onnx", [member], eight_bits=False)
    return tmp_path


@pytest.mark.parametrize(
    "source",
    [
        ("--model", "mine"),
        ("--weights", "mine/a.safetensors"),
        ("--weights", "d.onnx"),
        ("--weights", "mine/a.safetensors", "--weights", "mine/a.safetensors"),
    ],
)
def test_a_model_tells_what_it_knows(classes: Tool, folder: Path, source: tuple[str, ...]) -> None:
    shown = classes(folder, *source)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == TABLE


def test_without_a_name_it_is_the_default_model(classes: Tool, tmp_path: Path) -> None:
    _, *rows = classes(tmp_path).stdout.splitlines()
    assert [row.split() for row in rows] == [
        [str(one.id), one.wnid, one.name] for one in open_model().classes
    ]


def test_a_class_without_a_wordnet_id_has_a_dash(
    classes: Tool, tmp_path: Path, member: Member
) -> None:
    own = (ObjectClass(1000, "", "wood screw"), *member.classes[1:])
    save_member(tmp_path / "a.safetensors", replace(member, classes=own))
    shown = classes(tmp_path, "--model", ".").stdout.splitlines()
    assert shown[1] == "  1000  -          wood screw"


def test_json_holds_the_same(classes: Tool, folder: Path) -> None:
    printed = classes(folder, "--model", "mine", "--json")
    document = json.loads(printed.stdout)
    assert document[1] == {"id": 58, "wnid": "n02084071", "name": "dog"}
    assert [str(one["id"]) for one in document] == [row.split()[0] for row in TABLE[1:]]
    written = classes(folder, "--model", "mine", "-j", "deep/classes.json")
    assert written.stdout.splitlines() == TABLE
    assert json.loads((folder / "deep/classes.json").read_text()) == document


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--model", f"{DEFAULT_MODEL}x"],
            f"'{DEFAULT_MODEL}x' is no model (did you mean '{DEFAULT_MODEL}'",
        ),
        (["--weights", "none"], "none: no such file"),
        (["--weights", "d.onnx", "--weights", "d.onnx"], "d.onnx: not a whole safetensors file"),
        (["--model", "mine", "--weights", "none"], "--weights: not allowed with argument --model"),
        (["--json", "mine"], "must be a file, but 'mine' is a folder"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    classes: Tool, folder: Path, arguments: list[str], message: str
) -> None:
    refused = classes(folder, *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
