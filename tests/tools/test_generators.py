from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from types import ModuleType

import pytest
from skimage import data

from proposals import MODES, SelectiveSearch
from proposals.evaluation.peers import OPENCV_MODES, OpenCvSelectiveSearch


@pytest.fixture
def generators(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "tools"))
    return importlib.import_module("_generators")


def test_all_modes_are_generators(generators: ModuleType) -> None:
    names = generators.generator_names()
    assert {*MODES, *(f"opencv-{mode}" for mode in OPENCV_MODES)} <= set(names)
    for mode in MODES:
        search = generators.make_generator(mode, seed=3, threads=2)
        assert isinstance(search, SelectiveSearch)
        assert (search.config, search.seed, search.threads) == (MODES[mode], 3, 2)
    for mode in OPENCV_MODES:
        peer = generators.make_generator(f"opencv-{mode}", seed=3, threads=None)
        assert isinstance(peer, OpenCvSelectiveSearch)
        assert peer.mode == mode


def test_a_generator_is_a_source_whatever_the_image_is_called(generators: ModuleType) -> None:
    source = generators.make_source("doubled", seed=0, threads=1)
    assert (source.name, source.timed) == ("doubled", True)
    found = source.propose("any name", data.chelsea()[:60, :80])
    assert found.image_size == (60, 80)


@pytest.mark.parametrize("text", ["", "file:", "multibox:", "slow", "Fast"])
def test_unknown_sources_are_refused_with_the_names(text: str, generators: ModuleType) -> None:
    with pytest.raises(
        argparse.ArgumentTypeError, match=r"doubled, fast.*file:PATH and multibox:PATH"
    ):
        generators.source_name(text)


def test_names_and_files_are_sources(generators: ModuleType) -> None:
    for text in (
        "doubled",
        "opencv-fast",
        "merged",
        "file:boxes.parquet",
        "multibox:own.safetensors",
    ):
        assert generators.source_name(text) == text
