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

from backbones import GoogLeNet, InputStatistics
from backbones.classification.classifier_file import save_classifier
from backbones.classification.imagenet import imagenet_names
from backbones.classification.torchvision_googlenet import torchvision_googlenet
from backbones.weights.bvlc import caffe_name

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
        (["--weights", "none"], "name a picture or a folder"),
        (["a.png"], "one of the arguments --weights --fetch is required"),
        (["a.png", "--weights", "none", "--fetch"], "--fetch: not allowed with argument --weights"),
        (["a.png", "--weights", "none", "--backbone", "vgg"], "invalid choice: 'vgg'"),
        (
            ["a.png", "--weights", "none", "--backbone", "torchvision"],
            "none: no such file; give torchvision's googlenet-1378be20.pth",
        ),
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


def test_a_trained_classifier_brings_its_own_names(classify: Tool, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_classifier(path, GoogLeNet(2), ["left", "right"], InputStatistics(), {})
    Image.fromarray(data.chelsea()).resize((90, 60)).save(tmp_path / "a.png")
    run = classify(tmp_path, "a.png", "--weights", path)
    assert run.returncode == 0, run.stderr
    assert {line.split()[-1] for line in run.stdout.splitlines()[1:]} == {"left", "right"}
    refused = classify(tmp_path, "a.png", "--weights", path, "--backbone", "bvlc")
    assert refused.returncode == 2
    assert "names its own network; leave --backbone out" in refused.stderr


def test_torchvisions_network_names_the_same_classes(classify: Tool, tmp_path: Path) -> None:
    network = torchvision_googlenet(1000)
    state = {name: torch.zeros_like(tensor) for name, tensor in network.state_dict().items()}
    state["fc.bias"][967] = 5
    torch.save(state, tmp_path / "zero.pth")
    Image.fromarray(data.chelsea()).resize((90, 60)).save(tmp_path / "a.png")
    run = classify(tmp_path, "a.png", "--weights", "zero.pth", "--backbone", "torchvision")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[1].split() == ["0.129", "967", "espresso"]


@pytest.mark.parametrize("backbone", ["bvlc", "torchvision"])
def test_without_network_the_address_and_the_remedy_are_a_line(
    classify: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str
) -> None:
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("no_proxy", "")
    refused = classify(tmp_path, "a.png", "--fetch", "--backbone", backbone)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: http")
    assert "check the network, or fetch the file by hand" in refused.stderr
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
