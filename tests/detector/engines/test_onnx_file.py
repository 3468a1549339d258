from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from backbones import WeightsError
from detector.engines.onnx_file import read_onnx, save_onnx
from detector.members.member import Member


@pytest.fixture
def path(tmp_path: Path, calibrated: Member) -> Path:
    path = tmp_path / "folder" / "detector.onnx"
    save_onnx(path, [calibrated], eight_bits=True)
    return path


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the settings of a file in place."""
    model = onnx.load_model(path)
    document = json.loads(model.metadata_props[0].value)
    change(document)
    model.metadata_props[0].value = json.dumps(document)
    onnx.save_model(model, path)


def test_settings_come_back(path: Path, calibrated: Member) -> None:
    found = read_onnx(path)
    assert found.path == path
    assert found.eight_bits
    (settings,) = found.settings
    assert settings.to_document() == calibrated.to_document()


@pytest.mark.parametrize("eight_bits", [False, True])
def test_the_graph_is_valid_and_takes_windows_in_any_number(
    tmp_path: Path, calibrated: Member, *, eight_bits: bool
) -> None:
    path = tmp_path / "d.onnx"
    save_onnx(path, [calibrated, calibrated], eight_bits=eight_bits)
    model = onnx.load_model(path)
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "windows": ["N", 64, 64, 3],
        "probabilities": ["N", 4],
        "member_probabilities": [2, "N", 4],
    }


def test_files_hold_two_bytes_a_weight_or_one(tmp_path: Path, calibrated: Member) -> None:
    weights = sum(tensor.size for tensor in calibrated.tensors.values())
    for eight_bits, size in ((False, 2), (True, 1)):
        path = tmp_path / "d.onnx"
        save_onnx(path, [calibrated], eight_bits=eight_bits)
        assert path.stat().st_size == pytest.approx(size * weights, rel=0.05)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.onnx: no such file"):
        read_onnx(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"no graph", b"\xff" * 99])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"d\.onnx: not a whole ONNX file"):
        read_onnx(path)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"detector\.onnx: "):
        read_onnx(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.clear(), "'format'"),
        (lambda d: d.update(version=0), "it is .*'version': 0"),
        (lambda d: d.pop("members"), "'members'"),
        (lambda d: d["members"][0].pop("warp"), r"settings \['warp'\] are missing or unknown"),
        (lambda d: d["members"][0]["warp"].update(size=3), "WarpConfig.context_padding must be"),
        (lambda d: d.update(members=3), "not iterable"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(path, change)
    with pytest.raises(WeightsError, match=message) as raised:
        read_onnx(path)
    assert "inception-rcnn export" in str(raised.value)


def test_a_graph_without_settings_is_refused(path: Path) -> None:
    model = onnx.load_model(path)
    del model.metadata_props[:]
    onnx.save_model(model, path)
    with pytest.raises(WeightsError, match="holds no detector's settings"):
        read_onnx(path)


def test_weights_are_stored_as_they_will_be_used(path: Path) -> None:
    kinds = {
        initializer.name: onnx.numpy_helper.to_array(initializer).dtype
        for initializer in onnx.load_model(path).graph.initializer
        if initializer.name.endswith("weight")
    }
    assert kinds.pop("member0/classifier.weight") == np.float16
    assert set(kinds.values()) == {np.dtype(np.int8)}
    assert len(kinds) == 57
