from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from backbones import GoogLeNet, WeightsError
from proposals.multibox import (
    GlobalHead,
    MultiBoxNetwork,
    load_multibox,
    save_multibox,
)
from proposals.multibox.weights_file import read_multibox, read_settings, write_multibox


def test_a_network_comes_back_as_it_was_up_to_float16(
    network: MultiBoxNetwork, weights: Path
) -> None:
    loaded = load_multibox(weights, GoogLeNet(1))
    assert loaded.mean_rgb == (123.0, 117.0, 104.0)
    assert not loaded.network.training
    assert torch.equal(loaded.network.head.priors, network.head.priors)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = network(images), loaded.network(images)
    torch.testing.assert_close(after.logits, before.logits, rtol=0.05, atol=0.05)


def test_the_classifier_of_the_backbone_is_left_out(weights: Path) -> None:
    load_multibox(weights, GoogLeNet(1000))  # another classifier does no harm


def test_priors_of_a_global_head_come_from_the_file(tmp_path: Path) -> None:
    priors = np.random.RandomState(0).uniform(0, 1, (7, 4)).astype(np.float32)
    path = tmp_path / "global.safetensors"
    save_multibox(path, MultiBoxNetwork(GoogLeNet(1), GlobalHead(priors), 96), (0, 0, 0), {})
    loaded = load_multibox(path, GoogLeNet(1))
    assert loaded.network.size == 96
    np.testing.assert_array_equal(loaded.network.head.priors.numpy(), priors)


@pytest.mark.parametrize("content", [b"", b"not tensors"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad.*not a whole safetensors file"):
        load_multibox(path, GoogLeNet(1))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone.*no such file"):
        load_multibox(tmp_path / "gone", GoogLeNet(1))


HEADER = {"format": "multibox", "version": 1, "head": "convolutional", "size": 64, "mean_rgb": [0]}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "holds no multibox settings"),
        ({"multibox": "{"}, "settings are not JSON"),
        ({"multibox": "[]"}, "not a JSON object"),
        ({"multibox": json.dumps({**HEADER, "version": 2})}, "version must be 1 but is 2"),
        ({"multibox": json.dumps({**HEADER, "head": "round"})}, "settings are unusable"),
        ({"multibox": json.dumps({**HEADER, "size": None})}, "settings are unusable"),
        ({"multibox": json.dumps(HEADER)}, "settings are unusable"),
        (
            {"multibox": json.dumps({**HEADER, "head": "global", "mean_rgb": [0, 0, 0]})},
            "is missing or not of this",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1), "head.priors": torch.zeros(1, 4)}, path, metadata)
    with pytest.raises(WeightsError, match=message):
        load_multibox(path, GoogLeNet(1))


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    network = MultiBoxNetwork(GoogLeNet(1), GlobalHead(np.ones((1, 4), np.float32)), 64)
    with torch.no_grad():
        network.head.predict.bias.fill_(float("inf"))  # type: ignore[union-attr]
    path = tmp_path / "bad.safetensors"
    with pytest.raises(WeightsError, match=r"head\.predict\.bias"):
        save_multibox(path, network, (0, 0, 0), {})
    assert not path.exists()


def test_settings_are_read_without_the_tensors_and_ranges_come_back(
    network: MultiBoxNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    save_multibox(path, network, (1.0, 2.0, 3.0), {"steps": 3})
    write_multibox(path, replace(read_multibox(path), activation_ranges={"backbone.lrn1": 4.5}))
    settings = read_settings(path)
    assert (settings.head, settings.size, settings.mean_rgb) == ("convolutional", 64, (1, 2, 3))
    assert settings.activation_ranges == {"backbone.lrn1": 4.5}
    assert settings.provenance == {"steps": 3}
    np.testing.assert_array_equal(settings.priors, network.head.priors.numpy())


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), 1, "1"])
def test_impossible_ranges_are_refused(weights: Path, value: float) -> None:
    with pytest.raises(ValueError, match=r"finite numbers above 0 but head\.fine is"):
        replace(read_multibox(weights), activation_ranges={"head.fine": value})


def test_priors_of_other_grids_are_refused(network: MultiBoxNetwork, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_multibox(path, network, (0, 0, 0), {})
    read = read_multibox(path)
    write_multibox(path, replace(read, priors=read.priors + 1))
    with pytest.raises(WeightsError, match="priors are not those of this version's grids"):
        load_multibox(path, GoogLeNet(1))
