from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

from backbones import WeightsError
from detector.members.file import load_member, open_member, save_member
from detector.members.member import Member
from detector.members.network import TorchMember


@pytest.fixture
def path(tmp_path: Path, member: Member) -> Path:
    path = tmp_path / "member.safetensors"
    save_member(path, member)
    return path


def rewrite(
    path: Path,
    document: Callable[[dict[str, Any]], object] = lambda _: None,
    tensors: Callable[[dict[str, torch.Tensor]], object] = lambda _: None,
) -> None:
    """Change the settings or tensors of a member file in place."""
    with safe_open(path, framework="pt") as file:
        settings = json.loads(file.metadata()["member"])
    state = load_file(path)
    document(settings)
    tensors(state)
    save_file(state, path, metadata={"member": json.dumps(settings)})


def test_a_member_comes_back_with_its_settings_and_half_precision_weights(
    path: Path, member: Member
) -> None:
    loaded = load_member(path)
    assert loaded.classes == member.classes
    assert loaded.statistics == member.statistics
    assert loaded.warp == member.warp
    assert loaded.detection == member.detection
    assert loaded.provenance == member.provenance
    assert loaded.activation_ranges == member.activation_ranges
    assert loaded.tensors.keys() == member.tensors.keys()
    for name, tensor in member.tensors.items():
        assert loaded.tensors[name].dtype == np.float16
        np.testing.assert_array_equal(loaded.tensors[name], tensor.astype(np.float16))


def test_others_may_read_a_member_as_any_new_file(path: Path) -> None:
    plain = path.with_name("plain")
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_loaded_member_scores_as_the_saved_one(path: Path, member: Member) -> None:
    windows = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    torch.testing.assert_close(
        TorchMember.of(load_member(path)).probabilities(windows),
        TorchMember.of(member).probabilities(windows),
        rtol=0,
        atol=0.02,
    )


def test_a_file_from_before_the_cascade_has_none(path: Path) -> None:
    rewrite(path, document=lambda d: d["detection"].pop("cascade_threshold"))
    assert load_member(path).detection.cascade_threshold == 0


def test_a_file_from_before_the_svms_is_of_a_softmax(path: Path, member: Member) -> None:
    rewrite(path, document=lambda d: d.pop("classifier"))
    assert load_member(path).to_document() == member.to_document()
    assert load_member(path).classifier == "softmax"


def test_svms_come_back_as_such(tmp_path: Path, member: Member) -> None:
    path = tmp_path / "m.safetensors"
    save_member(path, replace(member, classifier="svm"))
    assert load_member(path).classifier == "svm"


def test_an_opened_file_has_the_settings_and_reads_the_tensors_when_asked(
    path: Path, member: Member
) -> None:
    opened = open_member(path)
    assert opened.settings.to_document() == member.to_document()
    np.testing.assert_array_equal(
        opened.read().tensors["conv1.bias"], member.tensors["conv1.bias"].astype(np.float16)
    )


def test_digests_tell_settings_and_tensors_apart(path: Path, member: Member) -> None:
    before = open_member(path).digest()
    assert before == open_member(path).digest()
    save_member(path, replace(member, provenance={"note": "other"}))
    second = open_member(path).digest()
    rewrite(path, tensors=lambda t: t["conv1.bias"].add_(1))
    assert len({before, second, open_member(path).digest()}) == 3
    again = replace(member, tensors=dict(member.tensors))
    assert again.digest() == member.digest()
    changed = {**member.tensors, "conv1.bias": member.tensors["conv1.bias"] + 1}
    assert replace(member, tensors=changed).digest() != member.digest()
    assert replace(member, provenance={}).digest() != member.digest()


def test_bfloat16_which_arrays_do_not_know_is_refused(path: Path) -> None:
    rewrite(path, tensors=lambda t: t.update({"conv1.bias": t["conv1.bias"].bfloat16()}))
    with pytest.raises(WeightsError, match=r"must hold finite floats \(float16 or float32\)"):
        load_member(path)


def test_saving_replaces_the_old_file_and_leaves_nothing_else(path: Path, member: Member) -> None:
    save_member(path, replace(member, provenance={"note": "second"}))
    assert load_member(path).provenance == {"note": "second"}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_weights_that_are_not_finite_are_refused_and_the_old_file_stands(
    path: Path, member: Member, make_member: Callable[[int], Member]
) -> None:
    diverged = make_member(1)
    diverged.tensors["conv1.bias"][0] = 1e6  # finite in float32, infinite in float16
    with pytest.raises(WeightsError, match=r"tensor 'conv1.bias' must hold finite floats"):
        save_member(path, diverged)
    assert load_member(path).provenance == member.provenance


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_provenance_that_is_no_json_is_refused(
    tmp_path: Path, member: Member, value: object
) -> None:
    with pytest.raises(WeightsError, match="provenance cannot be written as JSON"):
        save_member(tmp_path / "m.safetensors", replace(member, provenance={"loss": value}))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors: no such file"):
        load_member(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"not tensors at all", b"\xff" * 64])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"m\.safetensors: not a whole safetensors file"):
        load_member(path)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_member(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "holds no member settings, only tensors"),
        ({"format": "pt"}, "holds no member settings, only tensors"),
        ({"member": "{"}, "settings are not JSON"),
        ({"member": "[]"}, "settings are not a JSON object"),
        ({"member": "{}"}, "format must be 'inception-rcnn member' but is None"),
    ],
)
def test_other_metadata_is_refused(
    tmp_path: Path, metadata: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata=metadata)
    with pytest.raises(WeightsError, match=message):
        load_member(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=1), "version must be 2 but is 1"),
        (lambda d: d.update(architecture="VGG"), "architecture must be 'GoogLeNet' but is 'VGG'"),
        (lambda d: d.update(background="output 3"), "background must be 'output 0'"),
        (lambda d: d.update(extra=1), r"settings \['extra'\] are missing or unknown"),
        (lambda d: d.pop("warp"), r"settings \['warp'\] are missing or unknown"),
        (lambda d: d["classes"].pop(), r"lists 2 classes, .* 3 outputs, but has \(4,\)"),
        (lambda d: d.update(classes=[]), r"lists 0 classes, .* 1 outputs, but has \(4,\)"),
        (lambda d: d.update(classes=[{"id": 1}]), "settings cannot be used"),
        (lambda d: d["classes"][0].update(id="1"), "a class must be a number and two texts"),
        (lambda d: d.update(classes=3), "settings cannot be used"),
        (lambda d: d["warp"].update(size=32), "must be the network's input size 64 but got 32"),
        (lambda d: d["warp"].update(size=64.0), "size must be a whole number"),
        (lambda d: d["warp"].update(padding=1), "settings cannot be used"),
        (lambda d: d["statistics"].update(mean_rgb=[1, 2]), "settings cannot be used"),
        (lambda d: d["detection"].update(nms_iou=3), "nms_iou must be a number from 0 to 1"),
        (lambda d: d["activation_ranges"].update(lrn1=0), "finite numbers above 0 but lrn1 is 0"),
        (lambda d: d.update(provenance=[1]), "settings cannot be used"),
        (lambda d: d.update(classifier="tree"), "one of softmax, svm but got 'tree'"),
        (lambda d: d.update(classifier=None), "one of softmax, svm but got None"),
        (lambda d: d.update(classifier=["svm"]), r"one of softmax, svm but got \['svm'\]"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(path, document=change)
    with pytest.raises(WeightsError, match=message) as raised:
        load_member(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("conv1.bias"), "tensor 'conv1.bias' is missing or not of this network"),
        (lambda t: t.update(x=torch.zeros(1)), "tensor 'x' is missing or not of this network"),
        (lambda t: t.update({"conv1.bias": torch.zeros(3)}), r"must have shape \(64,\)"),
        (lambda t: t["conv1.bias"].fill_(float("inf")), "must hold finite floats"),
        (
            lambda t: t.update({"conv1.bias": torch.zeros(64, dtype=torch.int8)}),
            "must hold finite floats",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    path: Path, change: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    rewrite(path, tensors=change)
    with pytest.raises(WeightsError, match=message):
        load_member(path)
