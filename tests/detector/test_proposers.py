from __future__ import annotations

from dataclasses import replace

import pytest
from skimage import data

from detector.proposers import generator_names, is_source_name, make_generator, make_source
from proposals import MODES, SelectiveSearch
from proposals.evaluation.peers import OPENCV_MODES, OpenCvSelectiveSearch
from proposals.merging import SELECTIVE_SEARCH, MergedProposals


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


def test_the_smallest_side_can_be_chosen_where_selective_search_is_ours() -> None:
    search = make_generator("fast", seed=0, threads=1, min_side=5)
    assert isinstance(search, SelectiveSearch)
    assert search.config == replace(MODES["fast"], min_side=5)
    merged = make_generator("merged", seed=0, threads=1, min_side=5)
    assert isinstance(merged, MergedProposals)
    assert isinstance(merged.selective_search, SelectiveSearch)
    assert merged.selective_search.config == replace(SELECTIVE_SEARCH, min_side=5)
    papers = make_generator("merged-doubled", seed=0, threads=1)
    assert isinstance(papers, MergedProposals)
    assert isinstance(papers.selective_search, SelectiveSearch)
    assert papers.selective_search.config == MODES["doubled"]
    with pytest.raises(ValueError, match=r"min_side can be chosen of doubled, .*'multibox'"):
        make_generator("multibox", seed=0, threads=1, min_side=5)


def test_r_cnn_s_smallest_side_stays_that_of_its_modes() -> None:
    assert {config.min_side for config in MODES.values()} == {20}
    assert {config.working_width for config in MODES.values()} == {500}


def test_a_generator_is_a_source_whatever_the_image_is_called() -> None:
    source = make_source("doubled", seed=0, threads=1)
    assert (source.name, source.timed) == ("doubled", True)
    found = source.propose("any name", data.chelsea()[:60, :80])
    assert found.image_size == (60, 80)


@pytest.mark.parametrize("name", ["", "file:", "multibox:", "slow", "Fast"])
def test_other_names_are_no_sources(name: str) -> None:
    assert not is_source_name(name)


@pytest.mark.parametrize(
    "name", ["doubled", "opencv-fast", "merged", "file:boxes.parquet", "multibox:own.safetensors"]
)
def test_names_and_files_are_sources(name: str) -> None:
    assert is_source_name(name)
