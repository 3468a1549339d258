from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foundation import tensor_file
from foundation.tensor_file import FileKind, WeightsError

KIND = FileKind("thing", {"format": "thing", "version": 1}, "make it anew")
DOCUMENT = {"thing": json.dumps({"format": "thing", "version": 1, "more": [1]})}


def write(
    path: Path, tensors: dict[str, Any], data: bytes = b"", length: int | None = None
) -> Path:
    """Write a safetensors file by hand, whose header may say anything."""
    header = json.dumps({"__metadata__": DOCUMENT, **tensors}).encode()
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little"))
    with path.open("ab") as file:
        file.write(header + data)
    return path


def entry(kind: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    tensors = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.zeros(0, np.float32)}
    KIND.write(tmp_path / "t.safetensors", {"more": [1]}, tensors)
    document, found = KIND.read(tmp_path / "t.safetensors")
    assert document == {"more": [1]} == KIND.read_document(tmp_path / "t.safetensors")
    np.testing.assert_array_equal(found["a"], tensors["a"])
    assert found["b"].shape == (0,)
    by_hand = write(tmp_path / "h.safetensors", {"a": entry("F32", [1], 0, 4)}, b"\0" * 4)
    assert KIND.read(by_hand)[1]["a"].tolist() == [0]


@pytest.mark.parametrize(
    ("tensors", "data", "length"),
    [
        ({"a": entry("F32", [10**9], 0, 4 * 10**9)}, b"\0" * 8, None),
        ({"a": entry("F32", [2**40, 2**40], 0, 8)}, b"\0" * 8, None),
        ({"a": entry("F32", [2], 0, 4)}, b"\0" * 8, None),
        ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, b"\0" * 4, None),
        ({"a": entry("F99", [1], 0, 4)}, b"\0" * 4, None),
        ({"a": entry("F8_E4M3", [1], 0, 1)}, b"\0", None),
        ({}, b"", 10**9),
        ({}, b"", 2**64 - 1),
        ({}, b"", 3),
    ],
)
def test_a_header_that_promises_what_is_not_there_is_refused(
    tmp_path: Path, tensors: dict[str, Any], data: bytes, length: int | None
) -> None:
    path = write(tmp_path / "t.safetensors", tensors, data, length)
    with pytest.raises(WeightsError, match=r"t\.safetensors: .*make it anew") as caught:
        KIND.read(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", "{", '{"format": "\\u001b[2J"}'])
def test_settings_that_are_none_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.safetensors"
    header = json.dumps({"__metadata__": {"thing": text}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(WeightsError, match="make it anew") as caught:
        KIND.read_document(path)
    assert str(caught.value).isprintable()


def test_a_file_larger_than_any_of_these_networks_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t.safetensors", {})
    monkeypatch.setattr(tensor_file, "MOST_BYTES", path.stat().st_size)
    KIND.read(path)
    monkeypatch.setattr(tensor_file, "MOST_BYTES", path.stat().st_size - 1)
    monkeypatch.delattr(tensor_file, "safe_open")
    with pytest.raises(WeightsError, match=r"t\.safetensors: larger than .* MB"):
        KIND.read(path)
