from __future__ import annotations

from proposals.evaluation.report_plots import _styles


def test_more_generators_than_colours_still_look_different() -> None:
    looks = [style[1:] for _, style in _styles(dict.fromkeys(map(str, range(20))))]
    assert len(set(looks)) == 20
