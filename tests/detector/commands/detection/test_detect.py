from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from backbones import GoogLeNet, InputStatistics
from detector.classes import select_classes
from detector.commands.main import main
from detector.config import DEFAULT_MODEL, DetectorConfig
from detector.detections.results import Detections
from detector.members.ensemble_file import Ensemble, save_ensemble
from detector.members.file import load_member, save_member
from detector.members.network import TorchMember
from detector.rcnn import Detector, Outcome, Task
from detector.regions.warp_config import WarpConfig

Tool = Callable[..., subprocess.CompletedProcess[str]]
CLASSES = ["person", "dog", "domestic cat"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = GoogLeNet(len(CLASSES) + 1)
    network.replace_classifier(len(CLASSES) + 1, std=1.0)
    path = tmp_path_factory.mktemp("weights") / "member.safetensors"
    member = TorchMember(
        network=network,
        classes=select_classes(CLASSES),
        statistics=InputStatistics(size=64),
        warp=WarpConfig(size=64, context_padding=4),
    ).to_member()
    save_member(path, member)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of pictures, some of which are none, and of other things."""
    folder = tmp_path_factory.mktemp("work") / "pictures"
    (folder / "below").mkdir(parents=True)
    cat = Image.fromarray(data.chelsea()).resize((150, 100))
    cat.save(folder / "cat.png")
    cat.save(folder / "Cat.jpg")
    cat.convert("L").save(folder / "grey.PNG")
    cat.save(folder / "below" / "deeper.png")
    cat.save(folder / "earlier.detections.jpg")
    (folder / "broken.jpg").write_bytes((folder / "Cat.jpg").read_bytes()[:1500])
    (folder / "text.png").write_text("no picture")
    (folder / "notes.txt").write_text("not even called a picture")
    return folder


@pytest.fixture(scope="module")
def run(detect: Tool, weights: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return the one run over the folder that the tests below look at."""
    return detect(
        folder.parent,
        *("pictures", "--weights", weights, "-t", "0", "--max-proposals", "8"),
        *("-o", "drawn", "-j", "json/found.json", "--results", "coco=json/list.json"),
    )


def test_pictures_that_cannot_be_read_are_a_line_each_and_exit_code_1(
    run: subprocess.CompletedProcess[str],
) -> None:
    assert run.returncode == 1
    begun, broken, text, end = run.stderr.splitlines()
    assert begun == "detecting: 0 of 6 pictures"
    assert broken.startswith("error: pictures/broken.jpg: ")
    assert text.startswith("error: pictures/text.png: ")
    count = len(run.stdout.splitlines()) - 1
    assert end == (
        f"4 pictures (2 failed, see above): {count} detections; drawn in drawn;"
        " listed in json/found.json, json/list.json"
    )


def test_all_pictures_below_a_folder_are_detected_in_order(
    run: subprocess.CompletedProcess[str],
) -> None:
    header, *rows = [line.split() for line in run.stdout.splitlines()]
    assert header == ["file", "class", "score", "xmin", "ymin", "xmax", "ymax"]
    names = list(dict.fromkeys(row[0] for row in rows))
    assert names == ["Cat.jpg", "deeper.png", "cat.png", "grey.PNG"]
    assert {row[1] for row in rows} <= {"person", "dog", "domestic_cat"}
    for row in rows:
        score, x1, y1, x2, y2 = map(float, row[2:])
        assert 0 <= score <= 1
        assert 0 <= x1 <= x2 <= 150  # in whole pixels, of which a thin box may have none
        assert 0 <= y1 <= y2 <= 100


def test_drawn_copies_of_like_named_pictures_are_kept_apart(
    run: subprocess.CompletedProcess[str], folder: Path
) -> None:
    del run
    drawn = folder.parent / "drawn"
    names = sorted(path.name for path in drawn.iterdir())
    assert names == [
        "Cat.detections.jpg",
        "cat-2.detections.jpg",
        "deeper.detections.jpg",
        "grey.detections.jpg",
    ]
    for name in names:
        with Image.open(drawn / name) as picture:
            assert picture.size == (150, 100)


def test_results_are_the_same_detections(
    run: subprocess.CompletedProcess[str], folder: Path
) -> None:
    del run
    document = json.loads((folder.parent / "json/found.json").read_text())
    records = json.loads((folder.parent / "json/list.json").read_text())
    assert [one["bbox"] for one in records] == [
        pytest.approx(one["bbox"], abs=2e-3) for one in document["annotations"]
    ]
    assert {one["image_id"] for one in records} == {"Cat", "deeper", "cat", "grey"}
    assert {one["category_id"] for one in records} <= {1, 17, 18}  # COCO's person, cat and dog


def test_json_lists_the_same_detections_as_the_table(
    run: subprocess.CompletedProcess[str], folder: Path
) -> None:
    document = json.loads((folder.parent / "json" / "found.json").read_text())
    assert [image["file_name"] for image in document["images"]] == [
        str(Path("pictures") / name)
        for name in ("Cat.jpg", "below/deeper.png", "cat.png", "grey.PNG")
    ]
    assert len(document["categories"]) == len(CLASSES)
    assert len(document["annotations"]) == len(run.stdout.splitlines()) - 1
    rows = [line.split() for line in run.stdout.splitlines()[1:]]
    first = document["annotations"][0]
    np.testing.assert_allclose(first["score"], float(rows[0][2]), atol=0.001)
    x, y, width, height = first["bbox"]
    edges = [float(edge) for edge in rows[0][3:]]
    np.testing.assert_allclose([x, y, x + width, y + height], edges, atol=0.51)


def test_only_the_classes_that_are_asked_for_are_detected_and_written(
    run: subprocess.CompletedProcess[str], detect: Tool, weights: Path, folder: Path
) -> None:
    few = detect(
        folder.parent,
        *("pictures", "--weights", weights, "-t", "0", "--max-proposals", "8"),
        *("-o", "few", "-j", "few.json", "--classes", "Domestic cat", "124"),
    )
    assert few.returncode == 1  # of the two broken pictures
    header, *rows = run.stdout.splitlines()
    kept = [row for row in rows if row.split()[1] in {"domestic_cat", "person"}]
    assert few.stdout.splitlines() == [header, *kept]
    before, after = (
        json.loads((folder.parent / name).read_text()) for name in ("json/found.json", "few.json")
    )
    assert [one["name"] for one in after["categories"]] == ["domestic_cat", "person"]
    assert after["images"] == before["images"]
    ids = {one["id"] for one in after["categories"]}
    assert [without_id(one) for one in after["annotations"]] == [
        without_id(one) for one in before["annotations"] if one["category_id"] in ids
    ]


def without_id(annotation: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in annotation.items() if key != "id"}


def test_what_is_not_asked_for_is_not_drawn(
    detect: Tool, weights: Path, folder: Path, tmp_path: Path
) -> None:
    detect_cat = partial(detect, tmp_path, folder / "cat.png", "--weights", weights, "-t", "0")
    boxes = ("--max-proposals", "1")
    drawn = []
    for number, classes in enumerate((CLASSES, CLASSES[1:2])):
        detect_cat(*boxes, "--out", f"{number}", "--classes", *classes)
        with Image.open(tmp_path / f"{number}" / "cat.detections.jpg") as picture:
            drawn.append(np.array(picture))
    assert not np.array_equal(*drawn)


def test_regions_come_from_a_file_where_one_is_given(
    detect: Tool, weights: Path, tmp_path: Path, save_proposals: Callable[..., Path]
) -> None:
    (tmp_path / "in").mkdir()
    cat = Image.fromarray(data.chelsea()).resize((150, 100))
    for name in ("absent", "by_name", "empty", "one", "small"):
        cat.save(tmp_path / "in" / f"{name}.png")
    one = ((100, 150), [[10, 20, 70, 80]])
    save_proposals(
        tmp_path / "boxes.parquet",
        {
            "in/empty.png": ((100, 150), []),
            "in/one.png": one,
            "elsewhere/by_name.png": one,
            "in/small.png": ((99, 150), []),
        },
    )
    found = detect(
        tmp_path, "in", "--weights", weights, "--threshold", "0", "--proposals", "boxes.parquet"
    )
    assert found.returncode == 1
    _, absent, small, _ = found.stderr.splitlines()
    assert absent.startswith("error: boxes.parquet: holds no proposals of 'in/absent.png'; make")
    assert small.startswith("error: boxes.parquet: 'in/small.png' is a picture of 150 x 99 there")
    rows = [line.split() for line in found.stdout.splitlines()[1:]]
    boxes = {row[0]: row[3:] for row in rows}
    assert boxes["one.png"] == boxes["by_name.png"] == ["10", "20", "70", "80"]
    assert " ".join(boxes["empty.png"]).endswith("0 or more")
    assert len(rows) == 2 * len(CLASSES) + 1
    drawn = sorted(path.name.split(".")[0] for path in (tmp_path / "out").iterdir())
    assert drawn == ["by_name", "empty", "one"]


def test_exact_lets_all_networks_score_every_region(
    detect: Tool, weights: Path, tmp_path: Path
) -> None:
    member = load_member(weights)
    save_member(tmp_path / "in" / "b.safetensors", member)
    # A member that is sure of nothing: its cascade stops all regions.
    weight = np.zeros_like(member.tensors["classifier.weight"])
    config = replace(member.detection, cascade_threshold=0.9)
    unsure = replace(
        member, detection=config, tensors={**member.tensors, "classifier.weight": weight}
    )
    save_member(tmp_path / "in" / "a.safetensors", unsure)
    Image.fromarray(data.chelsea()).resize((150, 100)).save(tmp_path / "in" / "cat.png")
    both = ("--weights", "in/a.safetensors", "--weights", "in/b.safetensors")
    arguments = ("in/cat.png", *both, "--threshold", "0", "--max-proposals", "3")
    tables = [detect(tmp_path, *arguments, *flag) for flag in ([], ["--exact"])]
    of_first = detect(tmp_path, *arguments[:3], *arguments[5:])
    assert [table.returncode for table in tables] == [0, 0], tables[0].stderr
    assert tables[0].stdout == of_first.stdout != tables[1].stdout


def test_a_models_settings_hold_in_place_of_its_members(
    detect: Tool, weights: Path, tmp_path: Path
) -> None:
    save_member(tmp_path / "mine" / "a.safetensors", load_member(weights))
    few = DetectorConfig(max_proposals=1, max_detections_per_class=1)
    save_ensemble(tmp_path / "mine" / "ensemble.json", Ensemble("Mine.", few))
    Image.fromarray(data.chelsea()).resize((150, 100)).save(tmp_path / "cat.png")
    found = detect(tmp_path, "cat.png", "--model", "mine", "--threshold", "0")
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 1 + len(CLASSES)
    same = detect(tmp_path, "cat.png", "--model", "mine", "--members", "a", "--threshold", "0")
    assert same.stdout == found.stdout
    loose = detect(
        tmp_path, "cat.png", "--weights", "mine/a.safetensors", "-t", "0", "--max-proposals", "8"
    )
    assert loose.stdout != found.stdout  # of the best of eight regions


def test_samples_need_no_picture_of_ones_own(detect: Tool, tmp_path: Path, weights: Path) -> None:
    found = detect(
        tmp_path, "--samples", "--weights", weights, "--threshold", "1", "--max-proposals", "8"
    )
    assert found.returncode == 0, found.stderr
    assert "astronaut.png" in found.stdout
    assert "nothing scores 1 or more" in found.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "astronaut.detections.jpg",
        "chelsea.detections.jpg",
    ]


def test_an_interrupted_run_leaves_the_json_of_what_was_done(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(tasks: Iterable[Task]) -> Iterator[Outcome]:
        key, open_image = next(iter(tasks))
        image, _ = open_image()
        yield Outcome(key, image, Detections.empty(classes, image.shape[:2]), None)
        raise KeyboardInterrupt

    classes = select_classes(CLASSES)
    stub = Mock(classes=classes, config=DetectorConfig(), detect_all=interrupted)
    monkeypatch.setattr(Detector, "from_pretrained", Mock(return_value=stub))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["detect", str(folder), "--json", "found.json"])
    assert end.value.code == 130
    document = json.loads((tmp_path / "found.json").read_text())
    assert [Path(image["file_name"]).name for image in document["images"]] == ["Cat.jpg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a picture or a folder, or give --samples"),
        (
            ["a.jpg", "--threshold", "1.5"],
            "argument -t/--threshold: must be from 0 to 1 but got 1.5",
        ),
        (["a.jpg", "--threshold", "high"], "argument -t/--threshold: invalid"),
        (
            ["a.jpg", "--max-proposals", "0"],
            "argument --max-proposals: must be a whole number from 1",
        ),
        (["a.jpg", "--colour"], "unrecognized arguments: --colour"),
        (["a.jpg", "--weights", "none.safetensors"], "none.safetensors: no such file"),
        (["empty", "--weights", "WEIGHTS"], "empty: holds no pictures"),
        (["a.jpg", "--members", "none"], "members must be one or more of "),
        (
            ["a.jpg", "--weights", "WEIGHTS", "--members", "a"],
            "--members chooses among a model's members: leave it out with --weights",
        ),
        (
            ["a.jpg", "--weights", "WEIGHTS", "--model", "mine"],
            "argument --model: not allowed with argument --weights",
        ),
        (
            ["a.jpg", "--model", f"{DEFAULT_MODEL}x"],
            f"'{DEFAULT_MODEL}x' is no model (did you mean '{DEFAULT_MODEL}'",
        ),
        (["a.jpg", "--model", "empty"], "empty: holds no member files (*.safetensors); put those"),
        (
            ["a.jpg", "--weights", "WEIGHTS", "--classes", "dgo"],
            "(did you mean 'dog'?): give names, WordNet ids or numbers of person, dog, domestic_c",
        ),
        (["a.jpg", "--device", "gpu"], "device 'gpu' is none that PyTorch knows: use cpu, or cuda"),
        (["a.jpg", "--proposals", "none.parquet"], "none.parquet: there is no such file; make it"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(
    detect: Tool, tmp_path: Path, weights: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    words = [str(weights) if word == "WEIGHTS" else word for word in arguments]
    refused = detect(tmp_path, *words)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_opencv_without_its_desktop_library_is_one_line_with_the_remedy(
    detect: Tool, tmp_path: Path
) -> None:
    stub = tmp_path / "stub"
    stub.mkdir()
    message = "libGL.so.1: cannot open shared object file: No such file or directory"
    (stub / "cv2.py").write_text(f"raise ImportError({message!r})\n")
    refused = detect(tmp_path, "--samples", path=stub)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "pip install --force-reinstall opencv-contrib-python-headless" in refused.stderr


def test_help_teaches_by_examples_and_loads_nothing_heavy(detect: Tool, tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    stub.mkdir()
    for name in ("torch", "cv2", "numba", "skimage"):
        (stub / f"{name}.py").write_text("raise AssertionError('not needed for --help')\n")
    shown = detect(tmp_path, "--help", path=stub)
    assert shown.returncode == 0, shown.stderr
    assert "inception-rcnn detect --samples" in shown.stdout
