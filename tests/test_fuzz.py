"""Readers of strangers' files take or refuse whatever they are given; see `tests/fuzz`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).parent / "fuzz"
NAMES = (
    "pictures", "videos", "xml", "json", "predictions", "parquet", "safetensors", "caffemodel",
    "onnx", "checkpoints",
)  # fmt: skip
ODD_BYTES = (b"", b"\0", b"\xff", b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff", b"1e999", b"[" * 99)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


@pytest.fixture(scope="module")
def targets() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FUZZ)
        yield importlib.import_module("fuzz_targets")
    sys.modules.pop("fuzz_targets", None)


def test_every_target_is_tried_here(targets: ModuleType) -> None:
    assert set(NAMES) == set(targets.TARGETS)
    assert set(NAMES) == {folder.name for folder in (FUZZ / "corpus").iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_readers_know_the_files_that_fuzzing_begins_with(
    name: str, targets: ModuleType, tmp_path: Path
) -> None:
    seeds = list(targets.TARGETS[name].seeds())
    taken = [targets.attempt(name, content, tmp_path) for content in seeds]
    # A member's file is no MultiBox's and has too few tensors; predictions are no blacklist.
    assert taken.count(False) == {"safetensors": 2, "predictions": 2}.get(name, 0)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_once_is_taken_or_refused(
    name: str, targets: ModuleType, tmp_path: Path
) -> None:
    found = targets.corpus(name)
    assert found
    for content in found.values():
        targets.attempt(name, content, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_changed_files_are_taken_or_refused(name: str, targets: ModuleType, tmp_path: Path) -> None:
    seeds = [content for content in targets.TARGETS[name].seeds() if len(content) < 20_000]

    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @example(0, [(0.0, 1.0, b"")])
    @given(
        st.integers(0, len(seeds) - 1),
        st.lists(
            st.tuples(
                st.floats(0, 1), st.floats(0, 1), st.sampled_from(ODD_BYTES) | st.binary(max_size=9)
            ),
            min_size=1,
            max_size=4,
        ),
    )
    def try_one(which: int, changes: list[tuple[float, float, bytes]]) -> None:
        content = seeds[which]
        for begin, length, put in changes:
            start = round(begin * len(content))
            # Mostly short: cubed, as long cuts leave little to read.
            end = start + round(length**3 * (len(content) - start))
            content = content[:start] + put + content[end:]
        targets.attempt(name, content, tmp_path)

    try_one()
