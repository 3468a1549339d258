from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from skimage import data

from backbones import CropGeometry, GoogLeNet, InputStatistics, WeightsError
from backbones.classification.classifier_file import (
    is_classifier_file,
    load_classifier,
    save_classifier,
)

NAMES = ("cat", "dog", "espresso")
STATISTICS = InputStatistics(mean_rgb=(1.0, 2.0, 3.0))


@pytest.fixture(scope="module")
def network() -> GoogLeNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GoogLeNet(3, auxiliary_heads=True).eval()


@pytest.fixture
def path(network: GoogLeNet, tmp_path: Path) -> Path:
    path = tmp_path / "new folder/classifier.safetensors"
    save_classifier(path, network, NAMES, STATISTICS, {"steps": 7})
    return path


def test_what_is_read_is_what_was_written(network: GoogLeNet, path: Path) -> None:
    before = torch.random.get_rng_state()
    classifier = load_classifier(path, precision="float32")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert classifier.names == NAMES
    assert classifier.statistics == STATISTICS
    assert classifier.geometry is CropGeometry.SHORT_SIDE
    assert not classifier.network.training
    for name, tensor in classifier.network.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    assert {one.name for one in classifier.classify(data.chelsea())} == set(NAMES)
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["classifier"])
    assert document["provenance"] == {"steps": 7}


def test_others_may_read_a_classifier_as_any_new_file(path: Path) -> None:
    plain = path.with_name("plain")
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_files_of_classifiers_are_told_from_others(path: Path, tmp_path: Path) -> None:
    assert is_classifier_file(path)
    assert not is_classifier_file(tmp_path / "none")
    assert not is_classifier_file(tmp_path)
    (tmp_path / "text").write_text("text")
    assert not is_classifier_file(tmp_path / "text")
    save_file({"a": torch.zeros(1)}, tmp_path / "bare")
    assert not is_classifier_file(tmp_path / "bare")


@pytest.mark.parametrize("names", [(), ("cat", "dog")])
def test_names_that_do_not_fit_the_network_are_not_written(
    network: GoogLeNet, tmp_path: Path, names: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"lists \d names but has 3 outputs"):
        save_classifier(tmp_path / "bad", network, names, STATISTICS, {})
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        network = GoogLeNet(3)
    network.classifier.bias.data[1] = torch.nan
    with pytest.raises(WeightsError, match=r"'classifier\.bias' must hold finite floats"):
        save_classifier(tmp_path / "bad", network, NAMES, STATISTICS, {})
    assert list(tmp_path.iterdir()) == []


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the JSON document of a file."""
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["classifier"])
    change(document)
    save_file(load_file(path), path, {"classifier": json.dumps(document)})


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        pytest.param(Path.unlink, "no such file", id="missing"),
        pytest.param(lambda p: p.write_bytes(p.read_bytes()[:-9]), "not a whole", id="truncated"),
        pytest.param(
            lambda p: save_file(load_file(p), p),
            "holds no classifier settings, only tensors",
            id="bare",
        ),
        pytest.param(
            lambda p: save_file(load_file(p), p, {"classifier": "{"}), "are not JSON", id="broken"
        ),
        pytest.param(
            lambda p: save_file(load_file(p), p, {"classifier": "[]"}),
            "not a JSON object",
            id="list",
        ),
        pytest.param(
            lambda p: rewrite(p, lambda d: d.update(version=2)), "must be 1 but is 2", id="version"
        ),
        pytest.param(
            lambda p: rewrite(p, lambda d: d.update(names="cat")), "must be a list", id="text"
        ),
        pytest.param(
            lambda p: rewrite(p, lambda d: d.update(names=[])), "must be a list", id="no names"
        ),
        pytest.param(
            lambda p: rewrite(p, lambda d: d["names"].pop()),
            "lists 2 names but has 3 outputs",
            id="too few names",
        ),
        pytest.param(
            lambda p: rewrite(p, lambda d: d["statistics"].update(mean_rgb=[1])),
            "settings cannot be used",
            id="mean",
        ),
        pytest.param(
            lambda p: rewrite(p, lambda d: d.pop("statistics")), "settings cannot", id="no mean"
        ),
    ],
)
def test_unusable_file_is_named_with_its_fault(
    path: Path, spoil: Callable[[Path], object], fault: str
) -> None:
    spoil(path)
    with pytest.raises(WeightsError, match=fault) as caught:
        load_classifier(path)
    assert str(caught.value).startswith(f"{path}: ")
