from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from detector.classes import ObjectClass
from detector.members.settings import MemberSettings, settings_from_document

SETTINGS = MemberSettings(classes=(ObjectClass(1, "", "cat"),))


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(SETTINGS.to_document()))
    return found


def test_settings_come_back() -> None:
    found = MemberSettings(**settings_from_document(document())).to_document()
    assert json.loads(json.dumps(found)) == document()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["statistics"].update(size=10**9),
        lambda d: d["statistics"].update(size=True),
        lambda d: d["statistics"].update(mean_rgb=[10**400, 0, 0]),
        lambda d: d["statistics"].update(mean_rgb=["1", "2", "3"]),
        lambda d: d["statistics"].update(mean_rgb=[float("nan"), 0, 0]),
        lambda d: d["classes"][0].update(name="cat\x1b[2J"),
        lambda d: d["classes"][0].update(wnid="\x9b1m"),
        lambda d: d["classes"][0].update(id=10**400, name=None),
        lambda d: d.update(classes="cat"),
        lambda d: d.update(provenance=3),
        lambda d: d.update({"\x1b": 1}),
        lambda d: d["detection"].update(max_proposals=1e9),
        lambda d: d["warp"].update(context_padding=10**9),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(change: Callable[[dict[str, Any]], None]) -> None:
    damaged = document()
    change(damaged)
    with pytest.raises(ValueError, match=r".") as caught:
        MemberSettings(**settings_from_document(damaged))
    assert str(caught.value).isprintable()
