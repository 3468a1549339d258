from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.config import DetectorConfig
from detector.members.ensemble_file import Ensemble, load_ensemble, save_ensemble
from foundation.tensor_file import WeightsError

ENSEMBLE = Ensemble("Two networks «of mine».", DetectorConfig(nms_iou=0.4, cascade_threshold=0.07))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_ensemble(tmp_path / "ensemble.json", ENSEMBLE)
    return tmp_path / "ensemble.json"


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_an_ensemble_comes_back_as_it_was(path: Path) -> None:
    assert load_ensemble(path) == ENSEMBLE
    assert [entry.name for entry in path.parent.iterdir()] == ["ensemble.json"]


def test_a_file_can_be_read_and_changed_by_hand(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert '    "cascade_threshold": 0.07\n' in text
    path.write_text("\ufeff" + text.replace("0.07", "0.2"), encoding="utf-8")  # as Windows saves
    assert load_ensemble(path).detection.cascade_threshold == 0.2


def test_settings_that_are_left_out_have_their_defaults(path: Path) -> None:
    rewrite(path, lambda d: d.update(detection={}))
    assert load_ensemble(path) == Ensemble(ENSEMBLE.description, DetectorConfig())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "its settings are not JSON"),
        (b"{", "its settings are not JSON"),
        (b"[" * 100_000, "its settings are not JSON"),
        (b"\xff", "cannot be read"),
        (b"[]", "its settings are not a JSON object"),
        (b"{}", "format must be 'inception-rcnn ensemble' but is None"),
    ],
)
def test_a_file_of_something_else_is_refused(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as raised:
        load_ensemble(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert str(raised.value).endswith("; correct it, or fetch it again")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=2), "version must be 1 but is 2"),
        (lambda d: d.update(descripton="x"), r"no key \(did you mean 'description'\?\)"),
        (lambda d: d.pop("description"), "'description' is missing"),
        (lambda d: d.pop("detection"), "'detection' is missing"),
        (lambda d: d.update(description=""), "one line of text but got ''"),
        (lambda d: d.update(description="a\nb"), r"one line of text but got 'a\\nb'"),
        (lambda d: d.update(description=3), "one line of text but got 3"),
        (lambda d: d.update(detection=[]), r"detection must be an object but got \[\]"),
        (
            lambda d: d["detection"].update(cascade_treshold=0),
            r"'cascade_treshold' is no key \(did you mean 'cascade_threshold'\?\), but max_prop",
        ),
        (lambda d: d["detection"].update(nms_iou=2), "nms_iou must be a number from 0 to 1"),
        (lambda d: d["detection"].update(nms_iou=float("nan")), "nms_iou must be a number from 0"),
        (lambda d: d["detection"].update(max_proposals="9"), "max_proposals must be a whole"),
    ],
)
def test_what_is_unknown_missing_or_impossible_is_refused(
    path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(path, change)
    with pytest.raises(WeightsError, match=message) as raised:
        load_ensemble(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"ensemble\.json: cannot be read"):
        load_ensemble(tmp_path / "ensemble.json")
