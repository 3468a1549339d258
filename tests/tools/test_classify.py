from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage import data

from backbones import GoogLeNet
from backbones.imagenet import imagenet_names
from backbones.weights import caffe_name

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of a network that always sees class 285 first, then 281."""
    network = GoogLeNet(1000)
    state = {name: torch.zeros_like(tensor) for name, tensor in network.state_dict().items()}
    state["classifier.bias"][285] = 9
    state["classifier.bias"][281] = 8
    path = tmp_path_factory.mktemp("weights") / "zero.safetensors"
    save_file({caffe_name(name): tensor for name, tensor in state.items()}, path)
    return path


def test_pictures_are_named_and_written_and_a_broken_one_is_a_line(
    classify: Tool, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "c.png"):
        Image.fromarray(data.chelsea()).resize((90, 60)).save(tmp_path / "in" / name)
    (tmp_path / "in" / "b.png").write_text("no picture")
    run = classify(tmp_path, "in", "--weights", weights, "--json", "top.json", "--crops", "10")
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1
    assert "b.png" in run.stderr
    results = json.loads((tmp_path / "top.json").read_text())
    assert [result["file"] for result in results] == ["in/a.png", "in/c.png"]
    for result in results:
        assert [len(result["top"]), result["top"][0]["index"]] == [5, 285]
        assert result["top"][0]["name"] == "Egyptian cat"
        assert result["top"][1]["name"] == "tabby"
        assert 0 < result["top"][1]["prob"] < result["top"][0]["prob"] < 1
    assert run.stdout.splitlines()[0] == "in/a.png"
    assert "285  Egyptian cat" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: PICTURE, --weights"),
        (["a.png", "--weights", "none"], "none: no such file; give bvlc_googlenet.caffemodel"),
        (["a.png", "--weights", "none", "--crops", "3"], "invalid choice: 3"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(
    classify: Tool, tmp_path: Path, arguments: list[str], message: str
) -> None:
    refused = classify(tmp_path, *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_names_are_those_of_imagenets_thousand_classes() -> None:
    names = imagenet_names()
    assert len(names) == 1000
    assert (names[0], names[285], names[967], names[999]) == (
        "tench",
        "Egyptian cat",
        "espresso",
        "toilet tissue",
    )
