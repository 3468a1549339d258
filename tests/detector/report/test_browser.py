"""What a browser makes of the page: Chromium without a window, at the width of a phone and more."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.report import ReportInput, write_report

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")

# Measures the page in frames of these widths: a window cannot be as narrow as a phone everywhere.
WIDTHS = (320, 390, 768, 1280)
# Letter and A4, less Chromium's margins of a centimetre on each side, in pixels of 1/96 inch.
PAPERS = (740, 718)
# Two frames later, as hints are there once a frame was drawn.
MEASURE = """
  let view = this.contentWindow;
  let measure = () => {
    let page = view.document.documentElement;
    let wide = [...page.querySelectorAll('body *')].filter(
      one => !one.closest(SCROLLS) && one.getBoundingClientRect().right > view.innerWidth + 1);
    let boxes = [...page.querySelectorAll('.scroll')];
    let right = boxes.filter(one =>
      (one.scrollWidth > one.clientWidth) == (one.querySelector('.hint').offsetHeight > 0));
    document.body.append('page ' + page.scrollWidth + ' in ' + view.innerWidth + '; hints '
      + right.length + ' of ' + boxes.length + '; beyond: '
      + wide.map(one => one.outerHTML.slice(0, 80)).join(' | ') + ' end');
  };
  view.requestAnimationFrame(() => view.requestAnimationFrame(measure));
"""


def measured(
    folder: Path, pages: Sequence[str], widths: Sequence[int], scrolls: str
) -> tuple[list[tuple[str, ...]], str]:
    """Return the widths, hints and what lies beyond of each page, and what was complained of."""
    measure = MEASURE.replace("SCROLLS", f"'{scrolls}'")
    frames = "<!DOCTYPE html>" + "".join(
        f'<iframe src="{page}" width="{width}" height="800" style="border: 0"'
        f' onload="{measure}"></iframe>'
        for page in pages
        for width in widths
    )
    (folder / "frames.html").write_text(frames, encoding="utf-8")
    run = chromium(folder, folder / "frames.html", "--dump-dom", "--virtual-time-budget=20000")
    pattern = r"page (\d+) in (\d+); hints (\d+) of (\d+); beyond: (.*?) end"
    return re.findall(pattern, run.stdout, re.DOTALL), run.stderr


def chromium(folder: Path, page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Open a page of our own; without a sandbox, which needs rights that test machines lack."""
    flags = (
        "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--enable-logging=stderr", "--allow-file-access-from-files", "--no-first-run",
        "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}",
    )  # fmt: skip
    return subprocess.run(
        [CHROMIUM, *flags, *arguments, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_only_tables_scroll_sideways_and_those_that_do_say_so(
    report: ReportInput, report_of_classes: Callable[[int], ReportInput], tmp_path: Path
) -> None:
    write_report(tmp_path, report)
    write_report(tmp_path / "many", report_of_classes(20))
    pages = ("report.html", "many/report.html")
    found, complaints = measured(tmp_path, pages, WIDTHS, ".scroll, svg")
    assert sorted(one[:2] for one in found) == sorted([(str(w), str(w)) for w in WIDTHS] * 2)
    assert {one[4] for one in found} == {""}
    assert all(right == tables != "0" for _, _, right, tables, _ in found)
    assert "CONSOLE" not in complaints


def test_paper_loses_no_column(
    report_of_classes: Callable[[int], ReportInput], tmp_path: Path
) -> None:
    pages = []
    for count in (9, 20, 80, 200):
        path = write_report(tmp_path / str(count), report_of_classes(count))
        text = path.read_text(encoding="utf-8")
        assert text.count("@media print {") == 1
        text = text.replace("@media screen", "@media not all").replace("@media print {", "@media {")
        path.write_text(text, encoding="utf-8")
        pages.append(f"{count}/report.html")
    found, _ = measured(tmp_path, pages, PAPERS, "svg")
    assert sorted(one[:2] for one in found) == sorted([(str(w), str(w)) for w in PAPERS] * 4)
    assert {one[4] for one in found} == {""}


def test_the_page_is_seen(report: ReportInput, tmp_path: Path) -> None:
    page = write_report(tmp_path, report)
    picture = tmp_path / "seen.png"
    run = chromium(tmp_path, page, f"--screenshot={picture}", "--window-size=1000,1400")
    assert "CONSOLE" not in run.stderr
    with Image.open(picture) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    assert pixels.shape == (1400, 1000, 3)
    accent = np.array([0x0B, 0x5C, 0xAD])
    assert (np.abs(pixels.astype(int) - accent).max(axis=2) < 10).mean() > 0.002
    assert (pixels == 255).all(axis=2).mean() > 0.5
