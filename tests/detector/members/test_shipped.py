"""The models that ship."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from detector.config import DEFAULT_MODEL
from detector.engines.stem import same_stems
from detector.members.models import Model, open_model, shipped_models
from detector.rcnn import Detector
from proposals.boxes import pairwise_iou

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.from_pretrained(max_proposals=200)


@pytest.fixture(params=shipped_models())
def model(request: pytest.FixtureRequest) -> Model:
    return open_model(request.param)


def test_the_default_is_one_of_them() -> None:
    assert DEFAULT_MODEL in shipped_models()


def test_every_folder_of_weights_is_a_model_that_describes_itself(model: Model) -> None:
    folders = {path.name for path in model.folder.parent.iterdir()}
    assert folders == set(shipped_models())
    assert model.ensemble.description.endswith(".")
    assert len(model.ensemble.description) <= 120


def test_every_file_goes_into_the_package(model: Model) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["detector"]
    packed = {path for pattern in patterns for path in (ROOT / "detector").glob(pattern)}
    assert set(model.folder.rglob("*")) <= packed


def test_files_are_small_enough_to_ship(model: Model) -> None:
    sizes = [member.path.stat().st_size for member in model.members]
    assert max(sizes) <= 14 * 2**20
    assert sum(sizes) <= 85e6


def test_all_members_share_a_stem(model: Model) -> None:
    assert set(same_stems([member.read() for member in model.members])) == {0}


@pytest.mark.parametrize(
    ("picture", "name", "box_xyxy"),
    [
        (data.chelsea(), "domestic_cat", (60, 0, 430, 300)),
        (data.astronaut(), "person", (20, 0, 390, 512)),
    ],
    ids=["chelsea", "astronaut"],
)
def test_the_sample_pictures_show_what_they_show(
    detector: Detector,
    picture: np.ndarray,
    name: str,
    box_xyxy: tuple[int, int, int, int],
) -> None:
    found = detector.detect(picture).above(0.5)
    assert {found.classes[label].name for label in found.labels} == {name}
    truth = np.array([box_xyxy], np.float32)
    assert pairwise_iou(found.boxes_xyxy, truth).max() > 0.5
