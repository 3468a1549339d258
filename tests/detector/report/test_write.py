from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.classes import ObjectClass, ilsvrc_classes
from detector.report import ReportInput, analyse_report
from detector.scoring import PROTOCOLS, GroundTruth, Predictions, Protocol
from proposals import ProposalFile

Written = Callable[[Path, ReportInput], tuple[Any, str]]
EVIL = '<script>alert("1")</script>'


def test_the_page_needs_nothing_but_itself(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    page, text = written(tmp_path / "deep/folder", report)
    assert [one.name for one in (tmp_path / "deep/folder").iterdir()] == ["report.html"]
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:image/webp;").startswith("data:image/webp;")
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)
    policies = [one["content"] for one in page.of("meta") if "http-equiv" in one]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_page_is_made_for_phones_readers_and_keys(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    page, text = written(tmp_path, report)
    assert page.open == []
    assert page.of("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.of("meta")
    assert len(page.of("h1")) == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {one["href"][1:] for one in page.of("a")} <= set(ids)
    assert page.of("img")
    assert all(one["alt"] and one["width"] and one["height"] for one in page.of("img"))
    assert all("aria-label" in one or one["aria-hidden"] == "true" for one in page.of("svg"))
    assert len(page.of("caption")) == len(page.of("table"))
    assert "@media print" in text
    assert "prefers-color-scheme: dark" in text


def test_what_comes_from_files_is_text(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    annotations = {
        index: replace(
            one,
            image_id=f"{EVIL}{index}",
            class_keys=tuple(EVIL if key == "traffic_light" else key for key in one.class_keys),
        )
        for index, one in report.annotations.items()
    }
    evil = replace(
        report,
        annotations=annotations,
        classes=(*report.classes[:-1], ObjectClass(3, "", EVIL)),
        scored=f"weights {EVIL}",
        command=f"eval {EVIL}",
        skipped=(f"skipped {EVIL}",),
    )
    page, text = written(tmp_path, evil)
    assert "<script" not in text
    assert page.of("script") == []
    for words in (f"weights {EVIL}", f"eval {EVIL}", f"skipped {EVIL}", f"{EVIL}0"):
        assert words in page.words
    assert any(EVIL in one["alt"] for one in page.of("img"))
    assert any(EVIL in one.get("aria-label", "") for one in page.of("svg"))


def test_the_head_says_what_was_scored_how_and_when(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    page, _ = written(tmp_path, report)
    for words in (
        "0.412",
        "95 % interval 0.300 to 0.500",
        "theirs.txt",
        "ILSVRC DET: each object has its own IoU threshold",
        "inception-rcnn eval-map --report out",
        "25 November 2026, 06:07",
    ):
        assert words in page.words
    assert page.of("time") == [{"datetime": "2026-11-25T06:07"}]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_a_page(
    report: ReportInput, tmp_path: Path, protocol: Protocol, written: Written
) -> None:
    page, _ = written(tmp_path, replace(report, protocol=protocol))
    assert {"ilsvrc": "ILSVRC", "coco": "COCO at IoU 0.5"}.get(protocol, "VOC") in page.words


def test_a_picture_that_cannot_be_read_is_left_out_with_a_note(
    report: ReportInput, tmp_path: Path, written: Written
) -> None:
    whole, _ = written(tmp_path, report)
    for one in report.annotations.values():
        one.image_path.write_text("no picture")
    page, _ = written(tmp_path, report)
    assert len(page.of("img")) == 0 < len(whole.of("img"))
    assert "could not be read; the first: " in page.words


def test_proposals_of_a_file_are_compared_with_detections(
    report: ReportInput, tmp_path: Path, save_proposals: Callable[..., Path], written: Written
) -> None:
    boxes = {
        one.image_id: (
            one.image_size,
            report.predictions.boxes_xyxy[report.predictions.image_indices == index],
        )
        for index, one in report.annotations.items()
    }
    with ProposalFile(save_proposals(tmp_path / "boxes.parquet", boxes)) as file:
        page, _ = written(tmp_path, replace(report, proposals=file))
        analysis = analyse_report(replace(report, proposals=file))
    assert "Covered" in page.words
    assert "Proposals an image" in page.words
    assert analysis.reach is not None
    assert analysis.reach.ranks_known
    assert analysis.by_proposals[-1].mean_ap == analysis.matches.score.mean_ap
    fewer = {name: (size, some[:1]) for name, (size, some) in boxes.items() if name != "image 0"}
    with ProposalFile(save_proposals(tmp_path / "fewer.parquet", fewer)) as file:
        page, _ = written(tmp_path, replace(report, proposals=file))
    assert "From which proposal a detection comes is not known" in page.words
    assert "1 image without proposals" in page.words
    assert "fewer.parquet: holds no proposals of 'image 0'" in page.words


def test_two_hundred_classes_fit(report: ReportInput, tmp_path: Path, written: Written) -> None:
    random = np.random.default_rng(0)
    corners = random.integers(0, 50, (2000, 2))
    predictions = Predictions(
        random.integers(0, 3, 2000),
        random.integers(1, 201, 2000),
        np.concatenate([corners, corners + 50], axis=1).astype(np.float32),
        random.random(2000),
    )
    annotations = {
        i: replace(
            one,
            boxes_xyxy=predictions.boxes_xyxy[:300],
            class_keys=tuple(c.key for c in random.choice(np.array(ilsvrc_classes()), 300)),
            difficult=(), crowd=(), areas=(),
        )
        for i, one in report.annotations.items()
    }  # fmt: skip
    page, text = written(
        tmp_path,
        replace(report, annotations=annotations, classes=ilsvrc_classes(), predictions=predictions),
    )
    assert "other classes" in page.words
    assert len(text) < 6_000_000


def test_the_analysis_is_usable_without_a_page(report: ReportInput) -> None:
    analysis = analyse_report(report)
    assert isinstance(analysis.matches.ground_truth, GroundTruth)
    assert analysis.costs["all false positives"] >= analysis.costs["background"]
    assert analysis.by_detections[-1].mean_ap == analysis.matches.score.mean_ap


def test_reports_need_neither_torch_nor_matplotlib() -> None:
    program = (
        "import sys, detector.report;"
        " sys.exit(bool({'torch', 'matplotlib', 'pycocotools'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
