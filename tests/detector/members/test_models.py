from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector.classes import select_classes
from detector.config import DEFAULT_MODEL, DetectorConfig
from detector.members import models
from detector.members.ensemble_file import Ensemble, save_ensemble
from detector.members.file import open_members, save_member
from detector.members.member import Member
from detector.members.models import default_ensemble, open_model, save_model, shipped_models
from foundation.tensor_file import WeightsError

ENSEMBLE = Ensemble("Three networks.", DetectorConfig(cascade_threshold=0.3))


@pytest.fixture(scope="module")
def package(member: Member, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package folder with the models three and voc9, and with a folder that is none."""
    package = tmp_path_factory.mktemp("package")
    for name in ("three", DEFAULT_MODEL):
        for letter in "cab":
            save_member(package / "weights" / name / f"{letter}.safetensors", member)
        save_ensemble(package / "weights" / name / "ensemble.json", ENSEMBLE)
    (package / "weights" / "none").mkdir()
    return package


@pytest.fixture
def _shipped(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "files", lambda _: package)


@pytest.mark.usefixtures("_shipped")
def test_models_that_ship_are_known_by_name(package: Path) -> None:
    assert shipped_models() == ("three", DEFAULT_MODEL)
    assert open_model().folder == package / "weights" / DEFAULT_MODEL
    three = open_model("three")
    assert three.folder == package / "weights" / "three"
    assert three.ensemble == ENSEMBLE
    assert [member.path.stem for member in three.members] == ["a", "b", "c"]
    assert three.classes == select_classes(["person", "dog", "domestic cat"])


@pytest.mark.usefixtures("_shipped")
def test_a_folder_of_ones_own_is_a_model(
    member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_member(tmp_path / "three" / "x.safetensors", member)
    (tmp_path / "three" / ".12-34-y.safetensors").write_text("half written")
    (tmp_path / "three" / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    for own in ("./three", tmp_path / "three", Path("three")):
        assert [one.path.stem for one in open_model(own).members] == ["x"]
    assert len(open_model("three").members) == 3  # the one that ships


def test_without_the_file_of_an_ensemble_the_first_members_settings_hold(
    member: Member, tmp_path: Path
) -> None:
    for name, threshold in (("a", 0.1), ("b", 0.2)):
        detection = replace(member.detection, cascade_threshold=threshold)
        save_member(tmp_path / f"{name}.safetensors", replace(member, detection=detection))
    found = open_model(tmp_path).ensemble
    assert found.detection.cascade_threshold == 0.1
    assert found.description == "2 networks for 3 classes."
    save_ensemble(tmp_path / "ensemble.json", ENSEMBLE)
    assert open_model(tmp_path).ensemble == ENSEMBLE


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize(
    ("members", "names"),
    [
        (None, "abc"),
        (["b"], "b"),
        ("b", "b"),
        (["c", "a"], "ca"),
        ([2, 0], "ca"),
        (["a", 1], "ab"),
    ],
)
def test_members_are_chosen_by_name_or_number(members: list[str | int] | None, names: str) -> None:
    assert "".join(one.path.stem for one in open_model("three", members).members) == names


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize("members", [[], ["d"], [3], [-1], ["a", "a"], ["a", 0], "abc"])
def test_other_members_are_refused(members: list[str | int]) -> None:
    with pytest.raises(ValueError, match="one or more of a, b, c, each once, by name or by number"):
        open_model("three", members)


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "voc99",
            rf"'voc99' is no model \(did you mean '{DEFAULT_MODEL}'\?\): give one that ships",
        ),
        ("voc99", rf"\(three, {DEFAULT_MODEL}\), or a folder of member files$"),
        ("runs/mine", "'runs/mine' is no model: give one that ships"),
        ("none", "'none' is no model: "),
        (Path("three"), "'three' is no model"),  # a path is never a name
        (Path(__file__).parent, "holds no member files .*; put those that inception-rcnn train"),
        (__file__, "test_models.py: a model is a folder; give single files as weights"),
    ],
)
def test_what_is_no_model_is_refused(model: str | Path, message: str) -> None:
    with pytest.raises(WeightsError, match=message) as raised:
        open_model(model)
    assert "\n" not in str(raised.value)


def test_members_in_the_place_of_a_model_are_refused() -> None:
    with pytest.raises(TypeError, match=r"got \['voc9-1'\]: choose members by members="):
        open_model(["voc9-1"])  # type: ignore[arg-type]


def test_an_installation_without_weights_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "files", lambda _: tmp_path)
    assert shipped_models() == ()
    with pytest.raises(WeightsError, match=r"is no model: .*this installation has none"):
        open_model()


def test_a_damaged_file_is_named(member: Member, tmp_path: Path) -> None:
    save_member(tmp_path / "a.safetensors", member)
    (tmp_path / "ensemble.json").write_text("{")
    with pytest.raises(WeightsError, match=r"ensemble\.json: its settings are not JSON"):
        open_model(tmp_path)
    (tmp_path / "b.safetensors").write_text("no tensors")
    with pytest.raises(WeightsError, match=r"b\.safetensors: not a whole safetensors file"):
        open_model(tmp_path)


def test_members_of_different_classes_are_named(
    member: Member, make_member: Callable[[int], Member], tmp_path: Path
) -> None:
    other = replace(make_member(1), classes=select_classes(["dog", "person", "domestic cat"]))
    for name, one in (("a", member), ("b", member), ("c", other)):
        save_member(tmp_path / f"{name}.safetensors", one)
    with pytest.raises(ValueError, match=r"c\.safetensors differs from .*a\.safetensors: combine"):
        open_model(tmp_path)
    assert len(open_model(tmp_path, ["a", "b"]).members) == 2


@pytest.mark.usefixtures("_shipped")
def test_a_saved_model_is_opened_again(tmp_path: Path) -> None:
    three = open_model("three", ["a", "c"])
    save_model(tmp_path / "new" / "mine", three.members, three.ensemble)
    again = open_model(tmp_path / "new" / "mine")
    assert again.ensemble == ENSEMBLE
    assert [one.path.name for one in again.members] == ["a.safetensors", "c.safetensors"]
    assert [one.digest() for one in again.members] == [one.digest() for one in three.members]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("names", "saved"),
    [
        (["a/one", "b/two"], ["one", "two"]),
        (["a/two", "b/one"], ["1-two", "2-one"]),
        (["a/member", "b/member"], ["1-member", "2-member"]),
        ([f"{n}/member" for n in range(10)], [f"{n:02}-member" for n in range(1, 11)]),
    ],
)
def test_names_of_saved_members_keep_their_order(
    make_member: Callable[[int], Member], tmp_path: Path, names: list[str], saved: list[str]
) -> None:
    paths = [tmp_path / f"{name}.safetensors" for name in names]
    for seed, path in enumerate(paths):
        save_member(path, make_member(seed % 2))
    members = open_members(paths)
    (tmp_path / "mine").mkdir()  # an empty one serves
    save_model(tmp_path / "mine", members, default_ensemble(members))
    again = open_model(tmp_path / "mine")
    assert [one.path.stem for one in again.members] == saved
    assert [one.digest() for one in again.members] == [one.digest() for one in members]


@pytest.mark.usefixtures("_shipped")
def test_nothing_is_saved_over_what_is_there(tmp_path: Path) -> None:
    three = open_model("three")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(WeightsError, match="is there already: choose another folder"):
        save_model(tmp_path, three.members, three.ensemble)
    with pytest.raises(WeightsError, match="is there already"):
        save_model(tmp_path / "notes.txt", three.members, three.ensemble)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("_shipped")
def test_a_model_that_cannot_be_saved_whole_leaves_nothing(member: Member, tmp_path: Path) -> None:
    paths = [tmp_path / "of" / f"{letter}.safetensors" for letter in "ab"]
    for path in paths:
        save_member(path, member)
    members = open_members(paths)
    paths[1].unlink()
    with pytest.raises(OSError, match=r"b\.safetensors"):
        save_model(tmp_path / "mine", members, ENSEMBLE)
    assert [path.name for path in tmp_path.iterdir()] == ["of"]
