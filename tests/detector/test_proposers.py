from __future__ import annotations

import pytest
from skimage import data

from detector.proposers import generator_names, make_generator, make_source, source_name
from proposals import MODES, SelectiveSearch
from proposals.evaluation.peers import OPENCV_MODES, OpenCvSelectiveSearch


def test_all_modes_are_generators() -> None:
    names = generator_names()
    assert {*MODES, *(f"opencv-{mode}" for mode in OPENCV_MODES)} <= set(names)
    for mode in MODES:
        search = make_generator(mode, seed=3, threads=2)
        assert isinstance(search, SelectiveSearch)
        assert (search.config, search.seed, search.threads) == (MODES[mode], 3, 2)
    for mode in OPENCV_MODES:
        peer = make_generator(f"opencv-{mode}", seed=3, threads=None)
        assert isinstance(peer, OpenCvSelectiveSearch)
        assert peer.mode == mode


def test_a_generator_is_a_source_whatever_the_image_is_called() -> None:
    source = make_source("doubled", seed=0, threads=1)
    assert (source.name, source.timed) == ("doubled", True)
    found = source.propose("any name", data.chelsea()[:60, :80])
    assert found.image_size == (60, 80)


@pytest.mark.parametrize("text", ["", "file:", "multibox:", "slow", "Fast"])
def test_unknown_sources_are_refused_with_the_names(text: str) -> None:
    with pytest.raises(ValueError, match=r"doubled, fast.*file:PATH and multibox:PATH"):
        source_name(text)


def test_names_and_files_are_sources() -> None:
    for text in (
        "doubled",
        "opencv-fast",
        "merged",
        "file:boxes.parquet",
        "multibox:own.safetensors",
    ):
        assert source_name(text) == text
