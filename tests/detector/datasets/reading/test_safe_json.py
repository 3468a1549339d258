from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.datasets import DatasetError
from detector.datasets.reading.safe_json import MAX_DEPTH, read_json


def read(path: Path, content: str | bytes, max_bytes: int = 100_000) -> Any:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_json(path, max_bytes=max_bytes)


@pytest.mark.parametrize("value", [None, [], {}, 0, "", True, 1.5, {"a": [{"b": None}]}])
def test_any_value_is_read(tmp_path: Path, value: object) -> None:
    assert read(tmp_path / "a.json", json.dumps(value)) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)  # fmt: skip


@given(JSON)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    assert read(path, json.dumps(value)) == value


def test_a_byte_order_mark_is_harmless(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", "\ufeff[1]") == [1]


def test_what_gzip_packed_is_read_like_any(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", gzip.compress(b"[1]"), max_bytes=60) == [1]


def test_the_limits_are_inclusive(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", "[1]", max_bytes=3) == [1]
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert json.dumps(read(tmp_path / "a.json", deepest)) == deepest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"not JSON \(Expecting value at line 1, column 1\): correct it, or fetch it again"),
        ('{"a":\n 1', "at line 2, column 3"),
        ("[1] [2]", "Extra data"),
        ("[01]", "not JSON"),
        ("['a']", "not JSON"),
        ('["\n"]', "not JSON"),
        ("[NaN]", "holds NaN, which is no number of JSON: correct the value"),
        ("[Infinity]", "holds Infinity"),
        ("[-Infinity]", "holds -Infinity"),
        ("[1e400]", "holds a number that is too large, such as 1e999"),
        (f"[{'9' * 400}.0]", "a number that is too large"),
        (f"[{'9' * 5000}]", "whole number of thousands of digits"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "an object holds the key 'b' twice: keep one"),
        ('{"a": 1, "\\u0061": 1}', "the key 'a' twice"),
        ("[" * 65 + "]" * 65, "nested deeper than 64 levels"),
        ("[" * 90_000, "nested deeper than 64 levels|not JSON"),
        ('{"a":' * 20_000, "nested deeper than 64 levels|not JSON"),
        (b"\xff[]", "cannot be read: not UTF-8 at byte 0"),
        ("[1]".encode("utf-16"), "not UTF-8"),
        ("[1]".encode("utf-32"), "not UTF-8|not JSON"),
        (" " * 100_001, "larger than 100000 bytes"),
        (gzip.compress(b" " * 100_001), "unpacks to more than 100000 bytes"),
        (gzip.compress(b"[1]")[:-1], "damaged gzip"),
    ],
)
def test_anything_else_is_refused_in_one_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(DatasetError, match=message) as caught:
        read(path, content)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"cannot be read \(No such file or directory\)"):
        read_json(tmp_path / "none.json", max_bytes=9)
    with pytest.raises(DatasetError, match=r"cannot be read \(Is a directory\)"):
        read_json(tmp_path, max_bytes=9)
